"""A version that the trainer made knows its images again, in a gateway that was told nothing else."""

import subprocess
from collections.abc import Callable, Iterator

import httpx
import numpy as np
import pytest

from gateway.drift.stability import LARGE
from gateway.imaging import APPEARANCE, ImageSpec, decode
from tests.gateways import Gateway, serving_gateway
from tests.images import png
from tests.modelserver import serving
from tests.processes import PYTHON, ROOT, eventually

PER_CLASS = 128
"""Images of each class to train on; a quarter of that to validate with, and to post."""
POSTED = PER_CLASS // 4 * 4
SPEC = ImageSpec("L", 32, 32, "bilinear")


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, list[bytes]]]:
    """Return a gateway with one version, trained and published by the command line, and images that it has not seen."""
    folder = tmp_path_factory.mktemp("drifting")
    data, store = folder / "data", folder / "models" / "lung"
    options = ("--epochs", 1, "--image-size", SPEC.width, "--run", folder / "run", "--publish", store)
    for command in (("phantoms", data, "--per-class", PER_CLASS), ("train", "--data", data, *options)):
        subprocess.run([PYTHON, "-m", "trainer", *map(str, command)], check=True, cwd=ROOT)
    images = [file.read_bytes() for file in sorted((data / "test").rglob("*.png"))]
    settings = {"drift_window_images": str(POSTED)}
    with serving(store) as server, serving_gateway(server.target, folder / "gateway", **settings) as gateway:
        yield gateway, images


def post(gateway: Gateway, images: list[bytes]) -> None:
    """Have images classified that fill the window."""
    for start in range(0, len(images), 64):
        files = [("files", body) for body in images[start : start + 64]]
        reply = httpx.post(f"{gateway.url}/predict-batch", files=files, timeout=60).json()
        assert all("prediction" in entry for entry in reply["predictions"])


def indices(gateway: Gateway) -> dict[str, float]:
    """Return the index of each feature that is told."""
    return {dict(labels)["feature"]: value for labels, value in gateway.samples("gateway_drift_psi").items()}


def stable(gateway: Gateway) -> bool:
    return max(indices(gateway).values(), default=1) < LARGE


def brighter(body: bytes) -> bytes:
    return png(decode(body, SPEC, 10**6)[..., 0] // 2 + 100)


def noisy(body: bytes) -> bytes:
    image = decode(body, SPEC, 10**6)[..., 0]
    noise = np.random.default_rng(len(body)).normal(0, 25, image.shape)
    return png((image + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("changed", "features"), [(brighter, {"mean", "dark", "deviation"}), (noisy, {"roughness", "dark"})]
)
def test_images_that_were_changed_on_their_way_are_noticed(
    watching: tuple[Gateway, list[bytes]], changed: Callable[[bytes], bytes], features: set[str]
) -> None:
    """Drawings of the kind that it was trained on are nothing new to it; brighter or noisier ones are, until they end.

    What they are noticed by is what was changed about them.
    """
    gateway, images = watching
    post(gateway, images)
    eventually(lambda: gateway.total("gateway_drift_images") == POSTED, within=60, what="the window is full")
    eventually(lambda: stable(gateway), within=60, what="the images are as usual")
    assert indices(gateway).keys() == {"class", "confidence", *APPEARANCE}

    post(gateway, [changed(body) for body in images])
    eventually(
        lambda: features <= {name for name, value in indices(gateway).items() if value > LARGE},
        within=60,
        what=f"{features} drift",
    )

    post(gateway, images)
    eventually(lambda: stable(gateway), within=60, what="the images are as before")
