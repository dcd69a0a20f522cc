"""A prediction that is none to rely on says so, and why; over HTTP, from versions whose manifests set the limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from gateway.abstention import abstention, look
from gateway.answers import Scored
from gateway.appearance import APPEARANCE, appearance
from gateway.imaging import ImageSpec
from gateway.manifest import Manifest, ModelVersion
from gateway.observations import Outcome
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.scripted import Version, scripted
from tests.toymodel import LABELS, manifest

RANGES: dict[str, list[float]] = {"mean": [60, 200], "roughness": [0, 30], "wisdom": [7, 8]}  # one is not known here
USUAL, BLACK = np.full((32, 32), 120, np.uint8), np.zeros((32, 32), np.uint8)


def limited(threshold: float, ranges: dict[str, list[float]]) -> str:
    """Return a manifest with these limits."""
    return json.dumps({**manifest(), "abstention_threshold": threshold, "out_of_distribution": ranges})


def brightness_is_confidence(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Answer the last class, the surer the brighter an image is: 0.25 for black, 1 for white."""
    best = 0.25 + 0.75 * images.reshape(len(images), -1).mean(axis=1) / 255
    return np.stack([*[(1 - best) / 3] * 3, best], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway whose one version wants a confidence of 0.7, and knows what its images look like."""
    version = Version(brightness_is_confidence, manifest=limited(0.7, RANGES))
    folder = tmp_path_factory.mktemp("strict")
    with scripted(v1=version) as server, serving_gateway(server.target, folder, cache_entries="10") as gateway:
        yield gateway


def post(gateway: Gateway, image: NDArray[np.uint8]) -> dict[str, Any]:
    """Return the prediction for an image."""
    reply = httpx.post(f"{gateway.url}/predict", content=png(image))
    assert reply.status_code == 200
    return dict(reply.json())


def test_an_answer_under_the_versions_threshold_says_so_and_keeps_its_probabilities(strict: Gateway) -> None:
    """The reason is a word for programs, the detail names value and limit; the class is told all the same."""
    before = strict.total("gateway_abstentions_total", version="1", reason="low-confidence")

    prediction = post(strict, USUAL)

    assert (prediction["abstain"], prediction["abstain_reason"]) == (True, "low-confidence")
    assert prediction["abstain_detail"] == "0.603 is under the version's threshold 0.7"
    assert prediction["prediction"] == LABELS[3]
    assert list(prediction["probabilities"].values()) == pytest.approx([0.132, 0.132, 0.132, 0.603], abs=1e-3)
    assert strict.total("gateway_abstentions_total", version="1", reason="low-confidence") == before + 1


def test_a_sure_answer_to_a_usual_image_does_not_abstain(strict: Gateway) -> None:
    """The flag is always there, the reason only where there is one."""
    prediction = post(strict, np.full((32, 32), 190, np.uint8))

    assert prediction["abstain"] is False
    assert not {"abstain_reason", "abstain_detail"} & prediction.keys()


def test_an_image_unlike_what_the_version_learned_from_is_flagged(strict: Gateway) -> None:
    """That is the graver reason: how sure the version is means nothing then; a kept answer says the same."""
    first, again = post(strict, BLACK), post(strict, BLACK)

    assert (first["abstain"], first["abstain_reason"]) == (True, "out-of-distribution")
    assert first["abstain_detail"] == "the image's mean is 0; the version was trained on 60 to 200"
    assert again["cache"] == "hit"
    assert {key: again[key] for key in first if key.startswith("abstain")} == {
        key: first[key] for key in first if key.startswith("abstain")
    }


def test_each_image_of_a_batch_is_judged_by_itself(strict: Gateway) -> None:
    """An error in its place has no flag."""
    images = (USUAL, np.full((32, 32), 190, np.uint8), pixels(6, 32, 1)[..., 0])
    files = [("files", png(np.ascontiguousarray(image))) for image in images]

    entries = httpx.post(f"{strict.url}/predict-batch", files=[*files, ("files", b"no")]).json()["predictions"]

    assert [entry.get("abstain") for entry in entries] == [True, False, True, None]
    assert [entry.get("abstain_reason") for entry in entries] == ["low-confidence", None, "out-of-distribution", None]


def test_a_version_without_limits_never_abstains(gateway: Gateway) -> None:
    """So are old versions and those of other trainers."""
    assert not any(post(gateway, image)["abstain"] for image in (USUAL, BLACK, pixels(6)))


def test_a_manifest_with_limits_that_mean_nothing_is_refused(tmp_path: Path) -> None:
    """The version is told unusable, with the reason, and none answers."""
    version = Version(brightness_is_confidence, manifest=limited(0.5, {"mean": [1]}))
    with scripted(v1=version) as server, serving_gateway(server.target, tmp_path, path="/health/live") as gateway:
        reply = httpx.post(f"{gateway.url}/predict", content=png(USUAL))

    assert (reply.status_code, "out_of_distribution" in reply.text) == (503, True)


@pytest.mark.parametrize(("confidence", "mean", "abstained"), [(0.7, 5, False), (0.69, 5, True), (0.9, 6, True)])
def test_the_guard_judges_by_the_same_rule(confidence: float, mean: float, *, abstained: bool) -> None:
    """What a client is told and what versions are compared by cannot differ."""
    limits = Manifest(["a", "b"], ImageSpec("L", 1, 1, "bilinear"), {}, 0.7, {"mean": (0, 5)})
    row = np.array([confidence, 1 - confidence], np.float64)
    seen = {"mean": mean}
    scored = Scored(ModelVersion(1, limits), "stable", row, 0.0, 1, seen)  # type: ignore[arg-type] # exact numbers

    assert Outcome.of(scored).abstained is abstained
    assert (abstention(confidence, seen, limits) is not None) is abstained


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_the_numbers_are_what_their_names_say(seed: int, channels: int) -> None:
    """Worked out again in the plainest way, on an image of which every pixel is looked at."""
    image = pixels(seed, 64, channels)
    grey = image[..., 0].astype(float)

    assert appearance(image) == pytest.approx(
        {
            "mean": grey.mean(),
            "deviation": grey.std(),
            "dark": (grey < 16).mean(),
            "bright": (grey >= 240).mean(),
            "roughness": np.abs(np.diff(grey, axis=1)).mean(),
            "colour": np.ptp(image.astype(float), axis=2).mean(),
        }
    )


@given(arrays(np.uint8, st.tuples(st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 3]))))
def test_every_image_has_finite_numbers(image: NDArray[np.uint8]) -> None:
    """A single pixel and a single row, too; so nothing that decodes can fail here."""
    found = appearance(image)

    assert tuple(found) == APPEARANCE
    assert all(0 <= value <= 255 for value in found.values())


def test_a_large_image_is_sampled_and_looks_as_it_did_small() -> None:
    """The cost does not grow with the image."""
    small = pixels(5, 90, 3)
    large = small.repeat(10, axis=0).repeat(10, axis=1)

    first, second = appearance(small), appearance(large)

    for name in ("mean", "deviation", "dark", "bright", "colour"):
        assert first[name] == pytest.approx(second[name], rel=0.02)


def test_no_ranges_cost_nothing() -> None:
    """The image is not even looked at."""
    unlimited = Manifest(["a", "b"], ImageSpec("L", 1, 1, "bilinear"), {})

    assert look(np.empty((0, 0, 0), np.uint8), unlimited) == {}
