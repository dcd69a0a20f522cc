"""What the official client of TensorFlow Serving is refused: codes and texts, row by row."""

from collections.abc import Callable

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.tensors import Array
from serving.tests.official import (
    Official,
    Untyped,
    metadata_request,
    predict_request,
    status_request,
)
from tests.modelserver import EMBEDDED

INVALID, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def images(count: int) -> Array:
    """Return images whose mean brightness differs: uint8 `[count, 32, 32, 1]`."""
    noise = np.random.default_rng(7).integers(0, 60, (count, 32, 32, 1))
    return np.asarray(noise + 24 * np.arange(count).reshape(-1, 1, 1, 1), np.uint8)


def _with_input(name: str, value: object) -> Callable[[Untyped], None]:
    return lambda request: request.inputs[name].CopyFrom(tf.make_tensor_proto(value))


def _rename_input(request: Untyped) -> None:
    request.inputs["pictures"].CopyFrom(request.inputs.pop("images"))


def _shorten(request: Untyped) -> None:
    request.inputs["images"].tensor_content = b"short"


def _set_spec(**values: object) -> Callable[[Untyped], None]:
    def edit(request: Untyped) -> None:
        for name, value in values.items():
            if name == "version":
                request.model_spec.version.value = value
            else:
                setattr(request.model_spec, name, value)

    return edit


@pytest.mark.parametrize(
    ("edit", "code", "text"),
    [
        pytest.param(lambda r: r.ClearField("model_spec"), INVALID, "Missing ModelSpec", id="no spec"),
        pytest.param(_set_spec(name=""), INVALID, "ModelSpec has no name specified.", id="an empty name"),
        pytest.param(_set_spec(name="m"), MISSING, "Servable not found for request: Latest(m)", id="an unknown model"),
        pytest.param(
            _set_spec(name="m", version=7),
            MISSING,
            "Servable not found for request: Specific(m, 7)",
            id="a version of an unknown model",
        ),
        pytest.param(
            _set_spec(version=7), MISSING, "Servable not found for request: Specific(lung, 7)", id="an unknown version"
        ),
        pytest.param(
            _set_spec(version_label="canary"),
            INVALID,
            "Unrecognized servable version label: canary",
            id="an unknown label",
        ),
        pytest.param(
            _set_spec(signature_name="x"),
            grpc.StatusCode.FAILED_PRECONDITION,
            'Serving signature key "x" not found.',
            id="an unknown signature",
        ),
        pytest.param(
            lambda r: r.inputs.clear(),
            INVALID,
            "input size does not match signature: 0!=1 len({}) != len({images}). "
            "Sent extra: {}. Missing but required: {images}.",
            id="no input",
        ),
        pytest.param(
            _with_input("more", 1),
            INVALID,
            "input size does not match signature: 2!=1 len({images,more}) != len({images}). "
            "Sent extra: {more}. Missing but required: {}.",
            id="an input too many",
        ),
        pytest.param(
            _rename_input,
            INVALID,
            "Signature input alias: images(feed name: serving_default_images:0) not found in request and no default "
            "value provided. Inputs expected to be in the request {pictures}, or default input alias set: ",
            id="an input with another name",
        ),
        pytest.param(
            _with_input("images", np.zeros((1, 32, 32, 1), np.float32)),
            INVALID,
            "Expects arg[0] to be uint8 but float is provided",
            id="another dtype",
        ),
        pytest.param(
            lambda r: r.output_filter.append("y"),
            INVALID,
            "output tensor alias not found in signature: y Outputs expected to be in the set {probabilities}.",
            id="an unknown output",
        ),
        pytest.param(
            lambda r: r.output_filter.extend(["probabilities"] * 2),
            INVALID,
            "duplicate output tensor alias: probabilities",
            id="an output twice",
        ),
        pytest.param(
            _set_spec(name="m" * 2000),
            MISSING,
            ("Servable not found for request: Latest(" + "m" * 2000)[:1024] + "...TRUNCATED",
            id="a message above 1024 bytes",
        ),
    ],
)
def test_predict_refuses(official: Official, edit: Callable[[Untyped], None], code: grpc.StatusCode, text: str) -> None:
    request = predict_request(images(1))
    edit(request)

    with pytest.raises(grpc.RpcError) as caught:
        official.predict(request)

    assert (caught.value.code(), caught.value.details()) == (code, text)


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        pytest.param(
            _shorten,
            "tensor parsing error: images: tensor_content has 5 bytes; 1024 of uint8 need 1024",
            id="a tensor that cannot be parsed",
        ),
        pytest.param(
            _with_input("images", np.zeros((1, 16, 32, 1), np.uint8)),
            "input images has the shape [1, 16, 32, 1]; the signature takes [?, 32, 32, 1]",
            id="another shape",
        ),
        pytest.param(
            _with_input("images", np.zeros((32, 32, 1), np.uint8)),
            "input images has the shape [32, 32, 1]; the signature takes [?, 32, 32, 1]",
            id="another rank",
        ),
    ],
)
def test_predict_refuses_in_the_words_of_the_server(
    official: Official, contracted: str, edit: Callable[[Untyped], None], text: str
) -> None:
    """
    TensorFlow Serving's texts depend on its version and on the model's operations; the code does not.
    """
    request = predict_request(images(1))
    edit(request)

    with pytest.raises(grpc.RpcError) as caught:
        official.predict(request)

    assert caught.value.code() == INVALID
    assert contracted != EMBEDDED or caught.value.details() == text


@pytest.mark.parametrize(
    ("fields", "edit", "code", "text"),
    [
        pytest.param(
            ["signature_def"], lambda r: r.ClearField("model_spec"), INVALID, "Missing ModelSpec", id="no spec"
        ),
        pytest.param(
            [],
            _set_spec(),
            INVALID,
            "GetModelMetadataRequest must specify at least one metadata_field",
            id="no field",
        ),
        pytest.param(
            ["signature_def", "x"], _set_spec(), INVALID, "Metadata field x is not supported", id="an unknown field"
        ),
        pytest.param(
            ["signature_def"],
            _set_spec(version=7),
            MISSING,
            "Servable not found for request: Specific(lung, 7)",
            id="an unknown version",
        ),
    ],
)
def test_metadata_refuse(
    official: Official, fields: list[str], edit: Callable[[Untyped], None], code: grpc.StatusCode, text: str
) -> None:
    request = metadata_request(*fields)
    edit(request)

    with pytest.raises(grpc.RpcError) as caught:
        official.metadata(request)

    assert (caught.value.code(), caught.value.details()) == (code, text)


@pytest.mark.parametrize(
    ("edit", "code", "text"),
    [
        pytest.param(lambda r: r.ClearField("model_spec"), INVALID, "Missing ModelSpec", id="no spec"),
        pytest.param(_set_spec(name="m"), MISSING, "Could not find any versions of model m", id="an unknown model"),
        pytest.param(_set_spec(version=7), MISSING, "Could not find version 7 of model lung", id="an unknown version"),
    ],
)
def test_status_refuses(official: Official, edit: Callable[[Untyped], None], code: grpc.StatusCode, text: str) -> None:
    request = status_request()
    edit(request)

    with pytest.raises(grpc.RpcError) as caught:
        official.status(request)

    assert (caught.value.code(), caught.value.details()) == (code, text)
