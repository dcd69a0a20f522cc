"""Bodies of the Open Inference Protocol, read without a server."""

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import BodyTooLarge, InvalidInference, TooManyFiles
from gateway.openinference import binary
from gateway.openinference.paths import INFER, INFER_VERSION, speaks_protocol, template
from gateway.openinference.questions import Bounds, Question, read

BOUNDS = Bounds(rows=8, json_size=10_000)
SHAPE = (2, 3, 4, 1)
VALUES = np.arange(24, dtype=np.uint8).reshape(SHAPE)

elements = st.lists(st.binary(max_size=20), max_size=8)


def ask(bounds: Bounds = BOUNDS, **tensor: object) -> Question:
    fields = {"name": "images", "datatype": "UINT8", "shape": list(SHAPE), **tensor}
    return read(json.dumps({"inputs": [fields]}).encode(), None, bounds)


def ask_binary(
    content: bytes, *, announced: int | None = None, header: str | None = None, **tensor: object
) -> Question:
    size = len(content) if announced is None else announced
    fields = {
        "name": "images",
        "datatype": "UINT8",
        "shape": list(SHAPE),
        "parameters": {"binary_data_size": size},
        **tensor,
    }
    text = json.dumps({"inputs": [fields]}).encode()
    return read(text + content, str(len(text)) if header is None else header, BOUNDS)


@given(elements)
def test_elements_come_out_as_they_went_in(parts: list[bytes]) -> None:
    """Whatever their number and their lengths, none included."""
    assert binary.split_elements(memoryview(binary.join_elements(parts)), len(parts)) == parts


@given(elements, st.integers(0, 200), st.integers(0, 9))
def test_elements_that_are_cut_or_miscounted_are_refused(parts: list[bytes], cut: int, count: int) -> None:
    """Nothing but the whole content with the right count is taken."""
    content = binary.join_elements(parts)[:cut]
    whole = content == binary.join_elements(parts) and count == len(parts)
    try:
        found = binary.split_elements(memoryview(content), count)
    except ValueError:
        assert not whole
    else:
        assert binary.join_elements(found) == content
        assert len(found) == count


def test_elements_beyond_those_that_are_expected_are_not_even_looked_at() -> None:
    """A body full of empty ones would become far more than it is."""
    with pytest.raises(ValueError, match="36 bytes are left after 1 elements"):
        binary.split_elements(memoryview(bytes(40)), 1)


@given(st.binary(max_size=60), st.integers(0, 9))
@example(struct.pack("<I", 2**32 - 1), 1)
def test_no_bytes_make_elements_that_are_not_there(content: bytes, count: int) -> None:
    """A length is never believed beyond what is there."""
    try:
        found = binary.split_elements(memoryview(content), count)
    except ValueError:
        return
    assert binary.join_elements(found) == content


@given(st.binary(max_size=300), st.none() | st.text(max_size=5) | st.integers(-5, 400).map(str))
@example(b"[" * 100_000, None)
@example(b'{"inputs":' + b"[" * 100_000, None)
@example(b'{"inputs":[{"name":"images","datatype":"UINT8","shape":[1,1,1,1],"data":' + b"[" * 5000, None)
@example(b'{"inputs":[],"x":' + b"[" * 5000 + b"]" * 5000 + b"}", None)
@example(b'{"id":"\\ud800","inputs":[]}', None)
@example(b"", None)
@example(b"{}", "\u0662")
def test_whatever_the_body_it_is_a_problem_of_its_own(body: bytes, header: str | None) -> None:
    """Random bytes and deep JSON are no request, and never anything worse."""
    with pytest.raises(InvalidInference):
        read(body, header, Bounds(rows=8, json_size=1_000_000))


tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["images", "image", "x"]),
        "datatype": st.sampled_from(["UINT8", "BYTES", "FP32"]),
        "shape": st.lists(st.integers(-1, 4) | st.integers(2**62, 2**65), max_size=5),
    },
    optional={
        "data": st.recursive(st.integers(-1, 256) | st.text(max_size=5) | st.none(), st.lists, max_leaves=8),
        "parameters": st.none() | st.dictionaries(st.sampled_from(["binary_data_size", "content_type"]), st.just(4)),
    },
)


@given(st.lists(tensors, max_size=2), st.binary(max_size=12))
def test_tensors_of_any_kind_are_rows_of_their_shape_or_a_problem(inputs: list[dict[str, Any]], behind: bytes) -> None:
    """What is taken has as many values as its shape says."""
    text = json.dumps({"inputs": inputs}).encode()
    try:
        question = read(text + behind, str(len(text)), BOUNDS)
    except (InvalidInference, TooManyFiles):
        return
    [tensor] = inputs
    assert len(question.images) == tensor["shape"][0]
    if isinstance(question.images, np.ndarray):
        assert list(question.images.shape) == tensor["shape"]


@pytest.mark.parametrize("data", [VALUES.tolist(), VALUES.ravel().tolist()], ids=["nested", "flat"])
def test_values_stand_where_their_place_says(data: list[Any]) -> None:
    """Row by row, whichever way JSON has them."""
    images = ask(data=data).images

    assert isinstance(images, np.ndarray)
    assert (images == VALUES).all()
    assert images.dtype == np.uint8


def test_binary_values_are_not_copied() -> None:
    """They are a view of the body, row by row."""
    images = ask_binary(VALUES.tobytes()).images

    assert isinstance(images, np.ndarray)
    assert (images == VALUES).all()
    assert images.base is not None


TEXTS = [base64.b64encode(bytes([n])).decode() for n in range(2)]


@pytest.mark.parametrize(("data", "shape"), [(TEXTS, [2]), ([[text] for text in TEXTS], [2, 1]), (TEXTS, [2, 1])])
def test_files_in_base64(data: list[Any], shape: list[int]) -> None:
    """The shape may be a column, and the data nested like it or flat."""
    parameters = {"content_type": "base64"}
    question = ask(name="image", datatype="BYTES", shape=shape, data=data, parameters=parameters)

    assert question.images == [b"\0", b"\1"]


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        ({}, "both `data` and `binary_data_size`, or neither"),
        ({"name": "pixels"}, "the inputs are ['pixels']"),
        ({"datatype": "FP32", "data": [1.0] * 24}, "images is 'FP32'; it must be UINT8"),
        ({"data": [0] * 23}, "images has 23 numbers; its shape [2, 3, 4, 1] says 24"),
        ({"data": [256] * 24}, "Expected `int` <= 255"),
        ({"data": [0.5] * 24}, "Expected `int`"),
        ({"data": [["1"]]}, "2 lists deep"),
        ({"data": 7}, "0 lists deep"),
        ({"data": VALUES.reshape(3, 2, 4, 1).tolist()}, "not nested as its shape"),
        ({"data": [[[[0]]], [[[0], [0]]]]}, "not nested as its shape"),
        ({"shape": [24], "data": [0] * 24}, "[images, height, width, channels]"),
        ({"shape": [0, 3, 4, 1], "data": []}, "one image at least"),
        ({"shape": [1, 0, 4, 1], "data": []}, "one image at least"),
        ({"shape": [-1, 3, 4, 1], "data": [0]}, "Expected `int` >= 0"),
        ({"shape": [1, 2**62, 2**62, 2**62], "data": [0]}, "images has 1 numbers"),
        ({"shape": [2**70, 1, 1, 1], "data": [0]}, "Expected `int` <="),
        ({"parameters": {"shared_memory_region": "x"}}, "shared memory"),
        ({"parameters": {"binary_data_size": 24}}, "0 bytes stand behind the JSON; binary_data_size says 24"),
        ({"parameters": {"binary_data_size": -1}}, "Expected `int` >= 0"),
        ({"name": "image", "datatype": "BYTES", "shape": [1], "data": ["AA=="]}, "content_type"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_tensor_is_said(tensor: dict[str, Any], says: str) -> None:
    """The value, the limit and the remedy."""
    with pytest.raises(InvalidInference) as told:
        ask(**tensor)

    assert says in told.value.detail


@pytest.mark.parametrize("text", ["AA", "A===", "é", "AA==\n", "A A="])
def test_text_that_is_not_base64_is_refused_with_its_row(text: str) -> None:
    """So is what lenient decoders skip."""
    parameters = {"content_type": "base64"}
    with pytest.raises(InvalidInference, match="row 1 of image is not base64"):
        ask(name="image", datatype="BYTES", shape=[2], data=["AA==", text], parameters=parameters)


@pytest.mark.parametrize(
    ("size", "announced", "header"),
    [
        (24, 23, None),
        (24, 25, None),
        (24, 2**62, None),
        (23, 23, None),
        (24, 24, "9999"),
        (24, 24, "-1"),
        (24, 24, "0"),
    ],
)
def test_sizes_that_lie_are_refused(size: int, announced: int, header: str | None) -> None:
    """Of the binary data, or of the JSON in front of it."""
    with pytest.raises(InvalidInference):
        ask_binary(bytes(size), announced=announced, header=header)


def test_more_rows_than_are_taken_are_refused_by_their_shape() -> None:
    """Before their values are looked at."""
    with pytest.raises(TooManyFiles, match=r"says 9 images; .* allow 8"):
        ask(shape=[9, 1, 1, 1], data=["no", "numbers"])


def test_a_json_that_is_too_long_is_not_read() -> None:
    """However long it is; values behind it do not count."""
    with pytest.raises(BodyTooLarge, match="PULMO_MAX_BODY_BYTES=100"):
        ask(Bounds(8, 100), data=[0] * 24)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v2/models/lung/infer", INFER),
        ("/v2/models/lung/versions/1/infer", INFER_VERSION),
        ("/v2/models/lung/versions/1/x/infer", "/v2/models/lung/versions/1/x/infer"),
        ("/v2/models/infer", "/v2/models/infer"),
        ("/v2/models/lung", "/v2/models/lung"),
        ("/predict", "/predict"),
    ],
)
def test_paths_where_something_is_inferred_have_a_template(path: str, found: str) -> None:
    """It is a label of metrics, so no other path gets one."""
    assert template(path) == found


@pytest.mark.parametrize(("path", "speaks"), [("/v2", True), ("/v2/x", True), ("/v2x", False), ("/predict", False)])
def test_paths_of_the_protocol_are_those_below_its_root(path: str, *, speaks: bool) -> None:
    """Their errors are told in its words."""
    assert speaks_protocol(path) is speaks
