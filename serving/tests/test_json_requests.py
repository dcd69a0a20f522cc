"""The body of a REST Predict request: the cases of TensorFlow Serving's `util/json_tensor_test.cc`, and laws."""

import json
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.json_replies import write_predict
from serving.json_requests import Format, Parsed, parse_predict
from serving.json_values import convert, dimensions, faults
from serving.tensors import Array, to_array, to_tensor

DTYPES = {
    pb.DT_FLOAT: "f4",
    pb.DT_DOUBLE: "f8",
    pb.DT_INT8: "i1",
    pb.DT_INT16: "i2",
    pb.DT_INT32: "i4",
    pb.DT_INT64: "i8",
    pb.DT_UINT8: "u1",
    pb.DT_UINT32: "u4",
    pb.DT_UINT64: "u8",
    pb.DT_BOOL: "?",
}
SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3)
ARRAYS = st.sampled_from(list(DTYPES.values())).flatmap(lambda dtype: hnp.arrays(np.dtype(dtype), SHAPES))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just({"b64": "aGk="})
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b64"]), inner)
)


def parse(body: str | bytes | Mapping[str, object], **inputs: pb.DataType) -> Parsed:
    """Parse a request for a signature with `inputs`."""
    infos = {name: pb.TensorInfo(dtype=dtype) for name, dtype in inputs.items()}
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return parse_predict(text if isinstance(text, bytes) else text.encode(), lambda _: infos)


def array(parsed: Parsed, name: str = "x") -> Array:
    return to_array(parsed.inputs[name])


def attempt(body: bytes, dtype: pb.DataType) -> Parsed | ServingError:
    """Return the request, or why it is refused."""
    try:
        return parse(body, x=dtype)
    except ServingError as error:
        return error


def refusal(body: str | bytes | Mapping[str, object], **inputs: pb.DataType) -> str:
    """Return the text with which a request is refused as INVALID_ARGUMENT."""
    with pytest.raises(ServingError) as caught:
        parse(body, **(inputs or {"x": pb.DT_INT32}))
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    return str(caught.value)


@pytest.mark.parametrize("form", ["instances", "inputs"])
@given(given_array=ARRAYS)
def test_numbers_come_back_as_they_were_sent(form: Format, given_array: Array) -> None:
    key = "predictions" if form == "instances" else "outputs"
    (dtype,) = (number for number, code in DTYPES.items() if np.dtype(code) == given_array.dtype)
    written = json.loads(write_predict({"x": to_tensor(given_array)}, form))[key]

    if given_array.dtype.kind == "f":
        written = json.loads(json.dumps(written))
    back = array(parse({form: written}, x=dtype))

    assert back.dtype == given_array.dtype
    np.testing.assert_array_equal(back, given_array)


@pytest.mark.parametrize("form", ["instances", "inputs"])
@given(values=st.lists(st.binary(max_size=6), min_size=1, max_size=4))
def test_bytes_come_back_as_they_were_sent(form: Format, values: list[bytes]) -> None:
    tensor = pb.Tensor(dtype=pb.DT_STRING, string_val=values)
    tensor.tensor_shape.dim.add(size=len(values))
    written = json.loads(write_predict({"x_bytes": tensor}, form))

    (content,) = written.values()

    assert array(parse({form: content}, x=pb.DT_STRING)).tolist() == values


@given(value=VALUES, dtype=st.sampled_from([*DTYPES, pb.DT_STRING, pb.DT_HALF]))
def test_a_value_is_refused_exactly_when_there_is_a_reason(value: Any, dtype: pb.DataType) -> None:  # noqa: ANN401
    found = next(faults(value, 0, dimensions(value), dtype), None)

    assert (convert(value, dtype) is None) == (found is not None)


@given(rows=st.lists(VALUES, min_size=1, max_size=4), dtype=st.sampled_from([*DTYPES, pb.DT_STRING]))
def test_whatever_stands_in_a_list_of_instances_is_read_or_refused_with_a_reason(
    rows: list[Any], dtype: pb.DataType
) -> None:
    parsed = attempt(json.dumps({"instances": rows}).encode(), dtype)

    if isinstance(parsed, ServingError):
        assert parsed.code == grpc.StatusCode.INVALID_ARGUMENT
    else:
        assert len(array(parsed)) == len(rows)


@given(body=st.binary(max_size=40) | st.text(alphabet='{}[]",:\\ud8in19-.eNaInfty', max_size=40).map(str.encode))
def test_whatever_bytes_come_are_read_or_refused(body: bytes) -> None:
    parsed = attempt(body, pb.DT_FLOAT)

    assert not isinstance(parsed, ServingError) or parsed.text.encode()


@pytest.mark.parametrize(
    ("body", "dtype", "expected"),
    [
        pytest.param('{"instances": [[1,2],[3,4],[5,6]]}', pb.DT_INT32, [[1, 2], [3, 4], [5, 6]], id="rows"),
        pytest.param('{"inputs": [[1,2],[3,4]]}', pb.DT_INT32, [[1, 2], [3, 4]], id="a column"),
        pytest.param('{"inputs": {"x": [[1,2]]}}', pb.DT_INT32, [[1, 2]], id="a named column"),
        pytest.param('{"inputs": 7}', pb.DT_INT32, 7, id="a scalar"),
        pytest.param('{"instances": [{"x": [1]}, {"x": [2]}]}', pb.DT_INT32, [[1], [2]], id="objects of one name"),
        pytest.param('{"instances": [1, 2.0, 0.5]}', pb.DT_FLOAT, [1, 2, 0.5], id="integers among floats"),
        pytest.param('{"instances": [1, 2.0, 0.5]}', pb.DT_DOUBLE, [1, 2, 0.5], id="integers among doubles"),
        pytest.param(
            '{"instances": [NaN, Infinity, -Infinity]}', pb.DT_FLOAT, [np.nan, np.inf, -np.inf], id="no number"
        ),
        pytest.param('{"instances": [[], []]}', pb.DT_FLOAT, [[], []], id="empty lists"),
        pytest.param('{"instances": ["a", "\\u00e9"]}', pb.DT_STRING, [b"a", b"\xc3\xa9"], id="strings are UTF-8"),
        pytest.param('{"instances": [{"b64": "aGVsbG8="}]}', pb.DT_STRING, [b"hello"], id="base64"),
        pytest.param('{"instances": [[{"b64": "aGVsbG8"}]]}', pb.DT_STRING, [[b"hello"]], id="base64, not padded"),
        pytest.param('{"instances": [{"x": {"b64": "aGVsbG8="}}]}', pb.DT_STRING, [b"hello"], id="named base64"),
        pytest.param('{"inputs": {"b64": "aGVsbG8="}}', pb.DT_STRING, b"hello", id="a base64 column"),
        pytest.param('{"instances": [3.4028235e38]}', pb.DT_FLOAT, [3.4028235e38], id="the largest float"),
        pytest.param('{"instances": [true, false]}', pb.DT_BOOL, [True, False], id="booleans"),
        pytest.param('{"instances": [18446744073709551615]}', pb.DT_UINT64, [2**64 - 1], id="the largest integer"),
    ],
)
def test_values_are_read(body: str, dtype: pb.DataType, expected: object) -> None:
    read = array(parse(body, x=dtype))

    np.testing.assert_array_equal(read, np.array(expected, read.dtype))


def test_each_input_gets_its_rows() -> None:
    rows = [{"a": [1, 2], "b": "foo"}, {"b": "bar", "a": [3, 4]}]

    parsed = parse({"signature_name": "two", "instances": rows}, a=pb.DT_INT64, b=pb.DT_STRING)

    assert (parsed.signature, parsed.format) == ("two", "instances")
    assert array(parsed, "a").tolist() == [[1, 2], [3, 4]]
    assert array(parsed, "b").tolist() == [b"foo", b"bar"]


def test_each_input_gets_its_column() -> None:
    parsed = parse({"inputs": {"a": [[1, 2]], "b": {"b64": "aGk="}, "unknown": 1}}, a=pb.DT_INT64, b=pb.DT_STRING)

    assert (parsed.signature, parsed.format, set(parsed.inputs)) == ("", "inputs", {"a", "b"})
    assert (array(parsed, "a").tolist(), array(parsed, "b").item()) == ([[1, 2]], b"hi")


KEYS = "JSON object: {} keys must be equal to: x"
ROOT = "The document root must not be followed by other values."
NAME = '{"signature_name": 5}'
NAME_TEXT = """JSON Value: {
    "signature_name": 5
} not formatted correctly. 'signature_name' key must be a string value."""


def element(number: int | str, text: str) -> str:
    """Return the text for an instance that cannot be read."""
    return f"Failed to process element: {number} of 'instances' list. Error: INVALID_ARGUMENT: {text}"


def mistyped(value: str, kind: str) -> str:
    return f"JSON Value: {value} Type: {kind} is not of expected type: int32"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("{", "JSON Parse error: Missing a name for object member. at offset: 1"),
        ('{"instances": [1,]}', "JSON Parse error: Invalid value. at offset: 17"),
        ('{"instances": [1]} 2', f"JSON Parse error: {ROOT} at offset: 19"),
        (b'{"instances": ["\xff"]}', "JSON Parse error: Invalid encoding in string. at offset: 16"),
        ('{"instances": ["\\ud800"]}', "JSON Parse error: The surrogate pair in string is invalid."),
        ('{"instances": ' + "[" * 100_000, "JSON Parse error: lists are nested too deeply."),
        ("[1]", "JSON Value: [\n    1\n] Is not object"),
        (NAME, NAME_TEXT),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": 1}', "JSON Value: {\n    \"instances\": 1\n} Excepting 'instances' to be an list/array"),
        ('{"instances": []}', "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
        ('{"inputs": {}}', "Missing named input: x in 'inputs' object."),
        ('{"instances": [[1,2],[3,4],[5,6,7]]}', element(2, "Expecting tensor size: 2 but got: 3")),
        ('{"instances": [[1,2],[3,4],[[5,6]]]}', element(2, "Expecting shape [2] but got: [1,2]")),
        ('{"instances": [1, [1]]}', element(1, "Expecting shape [] but got: [1]")),
        ('{"instances": [[1,2],["a",4]]}', element(1, mistyped('"a"', "String"))),
        ('{"instances": [1.5]}', element(0, mistyped("1.5", "Number"))),
        ('{"instances": [null]}', element(0, mistyped("null", "Null"))),
        ('{"instances": [true]}', element(0, mistyped("true", "True"))),
        ('{"instances": [2147483648]}', element(0, mistyped("2147483648", "Number"))),
        (
            '{"instances": [[[1],[2,3]]]}',
            element(0, "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ),
        (
            '{"instances": [[[1],2]]}',
            element(0, "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ),
        ('{"instances": [[1,[2]]]}', element(0, "Encountered list at unexpected level: 1 expected < 1")),
        ('{"instances": [1, {"x": 1}]}', "Expecting value/list but got object at item 1 of input list"),
        ('{"instances": [{"x": 1}, 1]}', "Expecting object but got list at item 1 of input list"),
        ('{"instances": [{"y": 1}]}', element("0 key: y", "JSON object: does not have named input: y")),
        ('{"instances": [{"x": 1}, {}]}', f"Failed to process element: 1 of 'instances' list. {KEYS}"),
        ('{"inputs": [[1], [2, 3]]}', "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
    ],
)
def test_what_is_wrong_is_told_in_the_words_of_tensorflow_serving(body: str, text: str) -> None:
    assert refusal(body) == text


def test_one_format_at_a_time() -> None:
    text = refusal({"instances": [1], "inputs": [1]})

    assert text.endswith("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")


def test_several_inputs_need_names() -> None:
    two = {"a": pb.DT_INT32, "b": pb.DT_INT32}

    assert "expecting list of objects as multiple input tensors" in refusal({"instances": [1]}, **two)
    assert "expecting an object as multiple input tensors" in refusal({"inputs": [1]}, **two)


def test_a_signature_without_inputs_is_refused() -> None:
    with pytest.raises(ServingError, match="Failed to get input map for signature: DEFAULT"):
        parse({"inputs": {}})


@pytest.mark.parametrize("content", ["a", "a b=", "é", "===a"])
def test_what_is_not_base64_is_refused(content: str) -> None:
    assert refusal({"inputs": {"b64": content}}, x=pb.DT_STRING) == "Unable to base64 decode"


def test_an_object_is_no_string() -> None:
    text = 'JSON Value: {\n    "c64": "aGk="\n} not formatted correctly for base64 data'

    assert refusal({"inputs": {"x": [{"c64": "aGk="}]}}, x=pb.DT_STRING) == text


@pytest.mark.parametrize(
    ("value", "dtype", "name"),
    [("16777216", pb.DT_FLOAT, "float"), ("1e+39", pb.DT_FLOAT, "float"), ("9007199254740992", pb.DT_DOUBLE, "double")],
)
def test_a_number_that_would_lose_precision_is_refused(value: str, dtype: pb.DataType, name: str) -> None:
    text = f"Cannot convert JSON value: {value} to {name} without loss of precision."

    assert refusal(f'{{"inputs": {value}}}', x=dtype) == text


def test_a_number_that_does_not_fit_its_dtype_is_refused_and_not_wrapped_around() -> None:
    text = "JSON Value: 300 Type: Number is not of expected type: uint8"

    assert refusal({"inputs": [300]}, x=pb.DT_UINT8) == text


def test_a_dtype_that_json_cannot_be_read_as_is_unimplemented() -> None:
    with pytest.raises(ServingError, match="Conversion of JSON Value: 1 to type: half") as caught:
        parse({"inputs": [1]}, x=pb.DT_HALF)

    assert caught.value.code == grpc.StatusCode.UNIMPLEMENTED


def test_an_empty_list_needs_no_conversion() -> None:
    assert array(parse({"instances": [[]]}, x=pb.DT_HALF)).shape == (1, 0)


def test_a_dtype_that_is_not_known_is_unimplemented() -> None:
    bfloat16: Any = 14  # as it comes off the wire
    with pytest.raises(ServingError, match="input x has the type 14, which is not supported") as caught:
        parse({"instances": [[]]}, x=bfloat16)

    assert caught.value.code == grpc.StatusCode.UNIMPLEMENTED


def test_an_error_shows_no_more_of_a_value_than_anybody_reads() -> None:
    assert len(refusal({"inputs": [1], "instances": ["x" * 10**6]})) < 2000
