"""The curves that a version says of itself, on their way through the gateway."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateways import serving_gateway
from tests.scripted import Version, certain, scripted
from tests.toymodel import LABELS, manifest

CONFUSION = [[9, 1, 0, 0], [0, 10, 0, 0], [0, 0, 10, 0], [0, 0, 2, 8]]
CURVES: dict[str, Any] = {
    "confusion": CONFUSION,
    "reliability": [{"low": 0.6, "high": 0.8, "images": 40, "confidence": 0.7, "accuracy": 0.925}],
    "roc": [[[0.0, 0.0], [0.1, 0.9], [1.0, 1.0]], [], [], []],
}


def saying(curves: object) -> Version:
    return Version(certain(0), manifest=json.dumps({**manifest(), "curves": curves}))


def test_what_a_version_says_of_its_curves_is_passed_on(tmp_path: Path) -> None:
    """And of a version that says nothing, nothing."""
    versions = {"v1": Version(certain(0)), "v2": saying(CURVES)}
    with scripted(**versions) as server, serving_gateway(server.target, tmp_path) as gateway:
        models = {entry["version"]: entry for entry in httpx.get(f"{gateway.url}/models").json()["models"]}

    assert models[2]["curves"] == CURVES
    assert models[1]["curves"] is None


@pytest.mark.parametrize(
    ("curves", "reason"),
    [
        ({**CURVES, "confusion": [row[:3] for row in CONFUSION]}, f"curves are not of the {len(LABELS)} classes"),
        ({**CURVES, "roc": [[]] * 3}, f"curves are not of the {len(LABELS)} classes"),
        ({**CURVES, "roc": [[[0.0, 0.5]] * 129, [], [], []]}, "curves.roc"),
        ({**CURVES, "roc": [[[0.0, 1.5]], [], [], []]}, "curves.roc"),
        ({**CURVES, "confusion": [[-1] * 4] * 4}, "curves.confusion"),
    ],
    ids=["narrow", "few", "long", "outside", "negative"],
)
def test_curves_that_mean_nothing_are_refused(curves: object, reason: str, tmp_path: Path) -> None:
    """The version is told unusable, with the reason, and none answers."""
    with (
        scripted(v1=saying(curves)) as server,
        serving_gateway(server.target, tmp_path, path="/health/live") as gateway,
    ):
        ready = httpx.get(f"{gateway.url}/health/ready")

    assert (ready.status_code, reason in ready.json()["detail"]) == (503, True)
