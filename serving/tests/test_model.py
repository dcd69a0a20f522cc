"""A SavedModel in this process answers as TensorFlow would, by the names of its inputs and outputs."""

import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
import tensorflow as tf

from proto import tensorflow_pb2
from serving.errors import ServingError
from serving.model import SavedModel, loader
from serving.tests.official import Untyped
from serving.warmup import read_records
from tests.processes import PYTHON, ROOT

Load = Callable[[Path], SavedModel]
ALL = ("word", "scaled", "difference")


def publish(path: Path, *, with_table: bool) -> Path:
    """Publish a model with a variable whose names do not come in the order of the alphabet."""
    module = tf.Module()
    module.factor = tf.Variable(10, dtype=tf.int64)
    words = tf.lookup.KeyValueTensorInitializer(tf.constant([1], tf.int64), tf.constant(["one"]))
    module.table = tf.lookup.StaticHashTable(words, "many") if with_table else None

    def answer(zeta: Untyped, alpha: Untyped) -> dict[str, Untyped]:
        word = module.table.lookup(zeta) if with_table else tf.where(zeta == 1, "one", "many")
        return {"word": word, "scaled": zeta * module.factor, "difference": alpha - zeta}

    def echo(text: Untyped) -> dict[str, Untyped]:
        return {"text": text}

    spec = tf.TensorSpec((None,), tf.int64)
    signatures = {
        "serving_default": tf.function(answer, [spec, spec]),
        "echo": tf.function(echo, [tf.TensorSpec((None,), tf.string, name="text")]),
    }
    tf.saved_model.save(module, str(path), signatures=signatures)
    return path


@pytest.fixture(scope="module")
def load() -> Load:
    return loader(tensorflow_pb2.ConfigProto(), warm_up=1)


@pytest.fixture(scope="module", params=[False, True], ids=["variables alone", "a lookup table too"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("published") / "1", with_table=request.param)


@pytest.fixture(scope="module")
def model(path: Path, load: Load) -> Iterator[SavedModel]:
    model = load(path)
    yield model
    model.close()


def test_inputs_and_outputs_go_by_their_names(model: SavedModel) -> None:
    outputs = model.run("serving_default", {"zeta": np.array([1, 3]), "alpha": np.array([5, 5])}, ALL, None)

    assert {alias: values.tolist() for alias, values in outputs.items()} == {
        "word": [b"one", b"many"],
        "scaled": [10, 30],
        "difference": [4, 2],
    }


def test_only_the_outputs_that_are_wanted_are_computed(model: SavedModel) -> None:
    inputs = {"zeta": np.array([1]), "alpha": np.array([5])}

    assert list(model.run("serving_default", inputs, ["scaled"], None)) == ["scaled"]


@pytest.mark.parametrize("values", [[], [b""], [b"short", b"x" * 100_000, "\u00e4".encode(), b"\0\xff"]])
def test_strings_come_back_as_they_were(model: SavedModel, values: list[bytes]) -> None:
    assert model.run("echo", {"text": np.array(values, object)}, ["text"], None)["text"].tolist() == values


def test_a_thousand_long_strings_leave_nothing_behind(model: SavedModel) -> None:
    text = np.array([b"x" * 1_000_000], object)
    model.run("echo", {"text": text}, ["text"], None)
    before = psutil.Process().memory_info().rss
    for _ in range(1000):  # a gigabyte if they stayed
        model.run("echo", {"text": text}, ["text"], None)

    assert psutil.Process().memory_info().rss - before < 100_000_000


def test_an_array_that_is_not_contiguous_is_read_in_its_order(model: SavedModel) -> None:
    inputs = {"zeta": np.arange(6)[::2], "alpha": np.zeros(3, np.int64)}

    assert model.run("serving_default", inputs, ["scaled"], None)["scaled"].tolist() == [0, 20, 40]


def test_what_tensorflow_refuses_has_its_code(model: SavedModel) -> None:
    with pytest.raises(ServingError, match="Incompatible shapes") as caught:
        model.run("serving_default", {"zeta": np.zeros(2, np.int64), "alpha": np.zeros(3, np.int64)}, ALL, None)

    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_a_run_ends_at_its_deadline(toy_versions: Path, load: Load) -> None:
    model = load(toy_versions / "1")
    with pytest.raises(ServingError) as caught:
        model.run("spin", {"rounds": np.array(2**31 - 1, np.int32)}, ["turned"], 0.2)
    model.close()

    assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_run_may_have_ages(model: SavedModel) -> None:
    """gRPC gives a call without a deadline hundreds of millions of years."""
    text = np.array([b"x"], object)

    assert model.run("echo", {"text": text}, ["text"], 9e15)["text"].tolist() == [b"x"]


def test_what_is_no_saved_model_cannot_be_loaded(tmp_path: Path, load: Load) -> None:
    with pytest.raises(ServingError, match=r"Could not find SavedModel \.pb") as caught:
        load(tmp_path)

    assert caught.value.code == grpc.StatusCode.NOT_FOUND


def test_loading_a_model_does_not_import_tensorflow(toy_versions: Path) -> None:
    """It would take seconds and hundreds of megabytes, and its Python would stand in the way of every call."""
    program = (
        "import sys, pathlib; from proto import tensorflow_pb2; from serving.model import loader\n"
        "loader(tensorflow_pb2.ConfigProto(), warm_up=1)(pathlib.Path(sys.argv[1])).close()\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([PYTHON, "-c", program, toy_versions / "1"], check=True, cwd=ROOT)


def test_warmup_records_are_read_as_tensorflow_wrote_them(tmp_path: Path) -> None:
    records = [b"", b"one", b"x" * 100_000]
    with tf.io.TFRecordWriter(str(tmp_path / "records")) as writer:
        for record in records:
            writer.write(record)

    assert list(read_records(tmp_path / "records")) == records


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        pytest.param(lambda whole: whole[:-1], "truncated record at 20", id="its end is missing"),
        pytest.param(lambda whole: whole[:25], "truncated record at 20", id="a length is cut off"),
        pytest.param(lambda whole: whole[:-5] + b"?" + whole[-4:], "corrupted record at 20", id="a byte is another"),
        pytest.param(lambda whole: b"?" + whole[1:], "corrupted record at 0", id="a length is another"),
        pytest.param(lambda _: struct.pack("<QI", 2**63, 0), "corrupted record at 0", id="a length is immense"),
    ],
)
def test_a_file_of_warmup_records_is_refused_when(tmp_path: Path, spoil: Callable[[bytes], bytes], text: str) -> None:
    path = tmp_path / "records"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"four")
        writer.write(b"more")
    path.write_bytes(spoil(path.read_bytes()))

    with pytest.raises(ServingError, match=text) as caught:
        list(read_records(path))

    assert caught.value.code == grpc.StatusCode.DATA_LOSS
