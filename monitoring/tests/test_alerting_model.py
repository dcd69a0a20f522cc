"""The alerts on versions of the model, each caused for real and heard, and heard to end."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx
import numpy as np
from numpy.typing import NDArray

from gateway.tests.drifting import LEVELS, post, used_to
from monitoring.rules import Windows
from monitoring.tests.alerting import watching
from tests import toymodel
from tests.brokenversions import REFUSED_BY_SERVER, publish_broken
from tests.clients import posting
from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL, serving
from tests.processes import eventually
from tests.retraining import ended, started
from tests.scripted import Version, certain, scripted

BODY = png(pixels(1))
SHORTER = Windows(1 / 180)
CAREFUL = json.dumps({**toymodel.manifest(), "abstention_threshold": 0.5})
GUARDED = ("GuardHelpless", "VersionTakenBack")
CAUSED = {*GUARDED, "RetrainingFailed", "AbstentionsHigh", "VersionNotLoaded", "InputDrifts"}


def unsure(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Answer as a model that has no idea."""
    return np.full((len(images), len(toymodel.LABELS)), 0.25, np.float32)


def test_who_is_on_duty_hears_of_bad_versions_and_of_a_retraining_without_one(tmp_path: Path) -> None:
    """One comes in the place of a good one and fails; the good one comes back, and is then unsure for a while."""
    good = Version(certain(0), manifest=CAREFUL)
    bad = Version(certain(0), fails_with=grpc.StatusCode.INTERNAL)
    quick = {"guard": "true", "guard_window_s": "12", "guard_images": "30"}
    (tmp_path / "end").touch()
    (tmp_path / "says").touch()
    trainer = f"{sys.executable} -m tests.scriptedtrainer {tmp_path}"
    with (
        scripted(v1=good) as model,
        serving_gateway(model.target, tmp_path / "gateway", trainer=trainer, **quick) as gateway,
        watching(tmp_path / "watch", SHORTER, gateway=urlsplit(gateway.url).netloc) as heard,
        posting(gateway.url, BODY, clients=2),
    ):
        eventually(lambda: gateway.total("gateway_predictions_total") > 100, within=60, what="the good one is known")
        ended(gateway, started(gateway))
        model.versions = {2: bad}
        heard.wait("firing", "RetrainingFailed", "GuardHelpless")
        good.answer = unsure
        model.versions = {1: good, 2: bad}
        heard.wait("resolved", "GuardHelpless")
        heard.wait("firing", "VersionTakenBack", "AbstentionsHigh")
        good.answer = certain(0)
        heard.wait("resolved", *GUARDED, "RetrainingFailed", "AbstentionsHigh")


def test_who_is_on_duty_hears_of_a_version_that_cannot_be_loaded(toy_versions: Path, tmp_path: Path) -> None:
    """Nothing else is wrong, since the version before goes on answering; it clears by itself."""
    store = tmp_path / MODEL
    store.mkdir()
    whole = toymodel.copy(toy_versions / "1", store, 1)
    with (
        serving(store, "--max_num_load_retries=0") as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        watching(tmp_path / "watch", SHORTER, gateway=urlsplit(gateway.url).netloc) as heard,
        posting(gateway.url, BODY, clients=1) as seen,
    ):
        publish_broken(whole, store, 2, REFUSED_BY_SERVER["a graph that is garbage"])
        heard.wait("firing", "VersionNotLoaded")
        heard.wait("resolved", "VersionNotLoaded")

        assert {reply.status_code for reply in seen} == {httpx.codes.OK}
        assert heard.names() == {"Watchdog", "VersionNotLoaded"}


def test_who_is_on_duty_hears_of_images_that_drift_and_of_their_end(tmp_path: Path) -> None:
    """Nothing else is wrong, since every image is answered; it clears when they are as before."""
    with (
        scripted(v1=used_to()) as model,
        serving_gateway(model.target, tmp_path / "gateway", drift_window_images="200") as gateway,
        watching(tmp_path / "watch", SHORTER, gateway=urlsplit(gateway.url).netloc) as heard,
    ):
        post(gateway, LEVELS * 50)
        post(gateway, [LEVELS[3]] * 200)
        heard.wait("firing", "InputDrifts")
        post(gateway, LEVELS * 50)
        heard.wait("resolved", "InputDrifts")

        assert heard.names() == {"Watchdog", "InputDrifts"}
