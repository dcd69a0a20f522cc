"""A version that the trainer published, asked through the model server by the official client of TensorFlow Serving."""

import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gateway.imaging import ImageSpec, decode
from gateway.overlay import overlaid
from serving.tests.official import Official, connected, signature_request
from tests.gateways import serving_gateway
from tests.images import png
from tests.modelserver import serving
from trainer.processor import read_processor
from trainer.store.parity import read_parity
from trainer.store.saved_model import explain_version, load_version

SIZE = 32
needs_bfloat16 = pytest.mark.skipif(
    read_processor().without_bfloat16 is not None, reason=str(read_processor().without_bfloat16)
)


@pytest.fixture
def store(trained: Path) -> Path:
    """Return a store with one version, trained and published by the command line."""
    return trained / "lung"


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 1), np.uint8)


def explained(client: Official, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return heat maps and probabilities as the server answers them."""
    outputs = client.predict(signature_request("explain", images=images)).outputs
    return tf.make_ndarray(outputs["heatmaps"]), tf.make_ndarray(outputs["probabilities"])


def test_heat_maps_are_served(store: Path, images: NDArray[np.uint8]) -> None:
    """
    Who names the signature `explain` in a Predict call gets a heat map for each image, those that the version on disk
    answers, beside the probabilities that a call without a name gets.
    """
    with serving(store) as server, connected(server.target) as client:
        heatmaps, probabilities = explained(client, images)
        version, served = client.probabilities(images)
    expected, _ = explain_version(load_version(store / "1"), images)

    assert version == 1
    assert heatmaps.dtype == np.float32
    assert heatmaps.shape == (3, SIZE, SIZE)
    np.testing.assert_allclose(heatmaps, expected, atol=1e-4)
    np.testing.assert_allclose(probabilities, served, atol=1e-5)


def test_the_gateway_knows_what_a_version_learned_from_and_shows_where_it_looked(store: Path, tmp_path: Path) -> None:
    """
    A drawing of the kind that it was trained on is none too strange, noise is. What the gateway lays over either is the
    heat map that the version on disk answers, which in a network of one epoch is mostly none. What the training found
    of its validation images is told as well.
    """
    spec, size = ImageSpec("L", SIZE, SIZE, "bilinear"), ImageSpec("RGB", 64, 64, "bilinear")
    drawings = [file.read_bytes() for file in sorted((store.parent / "drawn" / "test").rglob("*.png"))]
    noise = png(np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8))
    with serving(store) as server, serving_gateway(server.target, tmp_path) as gateway:
        answers = [httpx.post(f"{gateway.url}/predict", content=body).json() for body in (*drawings, noise)]
        replies = [httpx.post(f"{gateway.url}/explain", content=body) for body in (*drawings, noise)]
        [told] = httpx.get(f"{gateway.url}/models").json()["models"]
    rows = np.stack([decode(body, spec, 10**6) for body in (*drawings, noise)])
    heatmaps, _ = explain_version(load_version(store / "1"), rows)

    assert [answer.get("abstain_reason") == "out-of-distribution" for answer in answers] == [False] * 4 + [True]
    assert sum(map(sum, told["curves"]["confusion"])) == sum(one["images"] for one in told["curves"]["reliability"]) > 0
    assert [reply.headers["pulmo-prediction"] for reply in replies] == [answer["prediction"] for answer in answers]
    assert replies[-1].headers["pulmo-abstain"] == "out-of-distribution"
    for body, heat, reply in zip((*drawings, noise), heatmaps, replies, strict=True):
        expected, shown = (decode(each, size, 10**6) for each in (overlaid(body, heat, 10**6), reply.content))
        assert np.abs(shown.astype(int) - expected).max() <= 2


@needs_bfloat16
def test_a_server_in_bfloat16_stays_within_the_bound_that_was_checked(store: Path, images: NDArray[np.uint8]) -> None:
    """
    The embedded server reaches bfloat16 by another way than the gate does; what the gate promised holds for it too.
    """
    parity = read_parity(store / "1")
    with serving(store, "--mixed_precision=bfloat16") as server, connected(server.target) as client:
        _, served = client.probabilities(images)
        heatmaps, _ = explained(client, images)
    expected = explain_version(load_version(store / "1"), images)[1]
    furthest = float(np.abs(served - expected).max())

    assert parity.bfloat16.passed
    assert 1e-6 < furthest <= parity.bfloat16.bound
    assert set(heatmaps.max(axis=(1, 2)).tolist()) <= {0.0, 1.0}


@needs_bfloat16
@pytest.mark.parametrize("checked", [True, False])
def test_a_version_that_nobody_asked_in_bfloat16_is_computed_in_float32(
    store: Path, images: NDArray[np.uint8], tmp_path: Path, *, checked: bool
) -> None:
    """
    Unless the server is told to ask no version, as the original does.
    """
    shutil.copytree(store, tmp_path / "lung")
    for name in ("parity.json", "SHA256SUMS"):
        (tmp_path / "lung" / "1" / "assets.extra" / name).unlink()
    flags = "--mixed_precision=bfloat16", f"--verify_mixed_precision={str(checked).lower()}"
    with serving(tmp_path / "lung", *flags) as server, connected(server.target) as client:
        _, served = client.probabilities(images)
        warned = "computed in float32 version=1" in server.running.output()
    furthest = float(np.abs(served - explain_version(load_version(store / "1"), images)[1]).max())

    assert (furthest < 1e-6, warned) == (checked, checked)
