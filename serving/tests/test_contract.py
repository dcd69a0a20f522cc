"""What the official client of TensorFlow Serving sees: its own answers, metadata, status and errors."""

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.tensors import Array
from serving.tests.official import (
    Official,
    metadata_request,
    predict_request,
    signature_request,
    signatures,
    status_request,
)
from tests.toymodel import expected, manifest

AVAILABLE = 30
INVALID, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def images(count: int) -> Array:
    """Return images whose mean brightness differs: uint8 `[count, 32, 32, 1]`."""
    noise = np.random.default_rng(7).integers(0, 60, (count, 32, 32, 1))
    return np.asarray(noise + 24 * np.arange(count).reshape(-1, 1, 1, 1), np.uint8)


@pytest.mark.parametrize("count", range(1, 9))
def test_row_i_answers_image_i(official: Official, count: int) -> None:
    batch = images(count)

    version, rows = official.probabilities(batch)

    assert version == 1
    np.testing.assert_allclose(rows, [expected(image, 1) for image in batch], atol=1e-5)


def test_a_batch_answers_as_its_images_alone(official: Official) -> None:
    batch = images(8)

    _, rows = official.probabilities(batch)
    singles = [official.probabilities(batch[i : i + 1])[1][0] for i in range(8)]

    np.testing.assert_allclose(rows, singles, rtol=0, atol=1e-6)


def test_an_empty_batch_has_an_empty_answer(official: Official) -> None:
    assert official.probabilities(images(0))[1].shape == (0, 4)


def test_a_large_message_passes(official: Official) -> None:
    batch = np.repeat(images(8), 1024, axis=0)  # 8 MiB, twice what gRPC allows by default

    assert official.probabilities(batch)[1].shape == (8192, 4)


def test_the_reply_names_the_model_the_version_and_the_signature(official: Official) -> None:
    spec = official.predict(predict_request(images(1))).model_spec

    assert (spec.name, spec.version.value, spec.signature_name) == ("lung", 1, "serving_default")


def test_the_reply_holds_typed_values(official: Official) -> None:
    output = official.predict(predict_request(images(2))).outputs["probabilities"]

    assert (len(output.float_val), output.tensor_content) == (8, b"")


def test_typed_values_are_understood_as_content_is(official: Official) -> None:
    request = predict_request(images(1))
    tensor = request.inputs["images"]
    tensor.int_val.extend(tensor.tensor_content)
    tensor.tensor_content = b""

    rows = tf.make_ndarray(official.predict(request).outputs["probabilities"])

    np.testing.assert_allclose(rows[0], expected(images(1)[0], 1), atol=1e-5)


def test_describe_answers_the_manifest(official: Official) -> None:
    reply = official.predict(signature_request("describe"))

    assert json.loads(tf.make_ndarray(reply.outputs["manifest"]).item()) == manifest()


def test_an_output_filter_chooses_outputs(official: Official) -> None:
    request = predict_request(images(1))
    request.output_filter.append("probabilities")

    assert list(official.predict(request).outputs) == ["probabilities"]


def test_metadata_hold_the_signatures(official: Official) -> None:
    reply = official.metadata(metadata_request("signature_def"))
    found = signatures(reply)
    info = found["serving_default"].inputs["images"]

    assert (reply.model_spec.name, reply.model_spec.version.value, reply.model_spec.signature_name) == ("lung", 1, "")
    assert set(found) == {"serving_default", "explain", "describe", "spin"}
    assert info.dtype == tf.uint8.as_datatype_enum
    assert [dim.size for dim in info.tensor_shape.dim] == [-1, 32, 32, 1]
    assert found["serving_default"].method_name == "tensorflow/serving/predict"


def test_the_status_of_a_version_that_serves_is_available(official: Official) -> None:
    (status,) = official.status(status_request(1)).model_version_status

    assert (status.version, status.state, status.status.error_code, status.status.error_message) == (
        1,
        AVAILABLE,
        0,
        "",
    )


def test_the_status_ignores_a_label(official: Official) -> None:
    request = status_request()
    request.model_spec.version_label = "canary"

    assert len(official.status(request).model_version_status) == 1
