"""The contract between the trainer and whoever serves a version."""

import json
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel as SavedModelProto
from tensorflow_serving.apis import prediction_log_pb2

from gateway.imaging import APPEARANCE
from trainer.data.dataset import digest, load_split
from trainer.data.phantoms import KINDS
from trainer.errors import ParityError
from trainer.networks.predict import predict_model
from trainer.store.export import export
from trainer.store.parity import check, compare
from trainer.store.publish import publish
from trainer.store.saved_model import predict_version
from trainer.store.signatures import calibrated
from trainer.store.warmup import replay_warmup
from trainer.training.runs import Run, load_run
from trainer.untyped import SavedModel

SIZE = 32


@pytest.fixture(scope="module")
def run(trained: tuple[Path, Path]) -> Run:
    return load_run(trained[0])


@pytest.fixture(scope="module")
def version(trained: tuple[Path, Path]) -> Path:
    return trained[1] / "1"


@pytest.fixture(scope="module")
def loaded(version: Path) -> SavedModel:
    return tf.saved_model.load(str(version))


@pytest.fixture(scope="module")
def images(phantoms: Path, run: Run) -> NDArray[np.uint8]:
    return load_split(phantoms, "train", KINDS, run.manifest.image).images


def test_the_signatures_are_those_of_the_contract(loaded: SavedModel) -> None:
    """
    serving_default takes uint8 images in any number and answers float32 probabilities, explain takes the same and
    answers heat maps beside them; describe takes nothing.
    """
    serve, explain, describe = (loaded.signatures[name] for name in ("serving_default", "explain", "describe"))
    images = ((), {"images": tf.TensorSpec([None, SIZE, SIZE, 1], tf.uint8, name="images")})
    probabilities = tf.TensorSpec([None, 4], tf.float32, name="probabilities")
    heatmaps = tf.TensorSpec([None, SIZE, SIZE], tf.float32, name="heatmaps")

    assert set(loaded.signatures) == {"serving_default", "explain", "describe"}
    assert serve.structured_input_signature == explain.structured_input_signature == images
    assert serve.structured_outputs == {"probabilities": probabilities}
    assert explain.structured_outputs == {"heatmaps": heatmaps, "probabilities": probabilities}
    assert describe.structured_input_signature == ((), {})
    assert describe.structured_outputs == {"manifest": tf.TensorSpec([], tf.string, name="manifest")}


def test_a_version_describes_itself(loaded: SavedModel, version: Path, phantoms: Path, run: Run) -> None:
    """
    describe answers the manifest, the same that lies in assets.extra, with the keys that the gateway reads.
    """
    text = loaded.signatures["describe"]()["manifest"].numpy()
    manifest = json.loads(text)

    assert text == (version / "assets.extra" / "manifest.json").read_bytes()
    assert manifest["labels"] == sorted(KINDS)
    assert manifest["image"] == {"mode": "L", "height": SIZE, "width": SIZE, "resample": "bilinear"}
    assert manifest["temperature"] == run.manifest.temperature
    assert 0 < manifest["abstention_threshold"] < 1
    assert set(manifest["out_of_distribution"]) == set(APPEARANCE)
    assert sum(manifest["drift_reference"]["classes"]) == 4  # images to validate with
    assert manifest["data_digest"] == digest(phantoms)
    assert (manifest["architecture"], manifest["config"]["seed"], manifest["config"]["epochs"]) == ("compact", 3, 1)
    assert {"accuracy", "macro_f1"} <= manifest["metrics"].keys()
    assert all(isinstance(value, float) for value in manifest["metrics"].values())
    assert manifest["code_version"]
    assert manifest["created_at"].endswith("Z")
    assert datetime.fromisoformat(manifest["created_at"]).microsecond == 0


def test_rows_are_probabilities(loaded: SavedModel, images: NDArray[np.uint8]) -> None:
    """
    Every row sums to 1.
    """
    answers = predict_version(loaded, images)

    assert answers.dtype == np.float32
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_a_batch_answers_as_its_images_do_one_by_one(loaded: SavedModel, images: NDArray[np.uint8]) -> None:
    """
    Row i of a batch is the answer to image i alone, whatever its neighbours are.
    """
    alone = np.concatenate([predict_version(loaded, image[np.newaxis]) for image in images])

    for size in (2, 7, len(images)):
        assert np.allclose(predict_version(loaded, images[:size]), alone[:size], atol=1e-5)


def test_a_version_answers_as_the_trained_model(loaded: SavedModel, run: Run, images: NDArray[np.uint8]) -> None:
    """
    Freezing and folding change no probability by more than a thousandth; the temperature is inside the version.
    """
    expected = calibrated(predict_model(run.model, images), run.manifest.temperature)
    compare(predict_version(loaded, images), np.asarray(expected))


def test_a_version_is_folded(version: Path) -> None:
    """
    The graph reads no variable, and what is served beside the heat maps is not slower for them: the batch
    normalisations' products are in the convolutions' weights, and there is no gradient.
    """
    graph = SavedModelProto.FromString((version / "saved_model.pb").read_bytes()).meta_graphs[0].graph_def
    nodes = [node.op for body in (graph.node, *(f.node_def for f in graph.library.function)) for node in body]
    served = operations(version, "serving_default")

    assert not {"ReadVariableOp", "VarHandleOp"} & set(nodes)
    assert served.count("Conv2D") == 13
    assert served.count("Mul") == 2  # the rescaling, and the temperature
    assert not {"Rsqrt", "ResizeBilinear"} & set(served)
    assert not [name for name in served if "Grad" in name or "Backprop" in name]


def operations(version: Path, signature: str) -> list[str]:
    """Return the names of the operations that a signature is made of."""
    meta = SavedModelProto.FromString((version / "saved_model.pb").read_bytes()).meta_graphs[0]
    functions = {function.signature.name: function.node_def for function in meta.graph_def.library.function}
    node = {node.name: node for node in meta.graph_def.node}
    output = next(iter(meta.signature_def[signature].outputs.values())).name
    found, waiting = [], [node[output.partition(":")[0]]]
    while waiting:
        one = waiting.pop()
        found.append(one.op)
        if one.attr["f"].func.name:
            waiting += functions[one.attr["f"].func.name]
    return found


def test_every_file_of_a_version_has_its_checksum(version: Path) -> None:
    """
    sha256sum, where a user has a copy of a version, finds every file as it was written.
    """
    listed = (version / "assets.extra" / "SHA256SUMS").read_text().splitlines()
    files = {file.relative_to(version).as_posix() for file in version.rglob("*") if file.is_file()}

    assert {line.split("  ")[1] for line in listed} == files - {"assets.extra/SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "--strict", "assets.extra/SHA256SUMS"], cwd=version, check=True)


def test_warm_up_records_are_ready_to_be_replayed(version: Path, loaded: SavedModel) -> None:
    """
    There is one record for each batch size in use, which names the model and answers, and one for the description.
    """
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    records = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]
    *requests, description = [record.predict_log.request for record in records]

    assert {record.WhichOneof("log_type") for record in records} == {"predict_log"}
    assert {(request.model_spec.name, request.model_spec.signature_name) for request in requests} == {
        ("lung", "serving_default")
    }
    assert (description.model_spec.name, description.model_spec.signature_name) == ("lung", "describe")
    assert [tf.make_ndarray(request.inputs["images"]).shape for request in requests] == [
        (size, SIZE, SIZE, 1) for size in (1, 2, 4, 8, 16, 32)
    ]
    assert replay_warmup(path, loaded) == (1, 2, 4, 8, 16, 32)


def test_a_wrong_export_is_not_published(run: Run, tmp_path: Path) -> None:
    """
    A version that was written from other weights is refused by the parity gate, and the store stays empty.
    """
    other = replace(run, model=keras.models.clone_model(run.model))

    def write_wrongly(folder: Path) -> None:
        export(other, folder, "lung")
        check(folder, run)

    with pytest.raises(ParityError, match="the written version is not the model"):
        publish(tmp_path, write_wrongly)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        pytest.param([[0.502, 0.498], [0.9, 0.1]], "0 of 2 images get another class", id="a probability is off"),
        pytest.param([[0.4999, 0.5001], [0.9, 0.1]], "1 of 2 images get another class", id="another class is on top"),
        pytest.param([[float("nan"), 0.5], [0.9, 0.1]], "differ by up to nan", id="not a number"),
        pytest.param([[0.5001, 0.4999]], r"shape \(1, 2\), the model with \(2, 2\)", id="a row is missing"),
    ],
)
def test_the_parity_gate_refuses(written: list[list[float]], reason: str) -> None:
    """
    The gate wants the same classes and the same probabilities up to a thousandth.
    """
    expected = np.array([[0.5001, 0.4999], [0.9, 0.1]], np.float32)

    compare(expected + np.float32(0.0009) * np.array([1, -1], np.float32), expected)
    with pytest.raises(ParityError, match=reason):
        compare(np.array(written, np.float32), expected)


def test_the_temperature_divides_the_logits() -> None:
    """
    Calibration of a softmax's output is the softmax of the logits divided by the temperature.
    """
    logits = np.array([[2.0, -1.0, 0.5], [-9.0, 4.0, 30.0]], np.float32)

    assert np.allclose(calibrated(tf.nn.softmax(logits), 2.5), tf.nn.softmax(logits / 2.5), atol=1e-6)
    assert np.array_equal(calibrated(tf.nn.softmax(logits), 1.0), tf.nn.softmax(logits))
