"""The measurement of slow clients, in small, against a real gateway that wants a key."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.gateways import Gateway, serving_gateway
from tests.modelserver import ModelServer
from tests.processes import PYTHON, ROOT

LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    """Return a new key, and its line for the gateway; users of Locust read the history too, for which it must do."""
    command = [PYTHON, "-m", "gateway", "key", "load", "--scope", "operate"]
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return made.stderr.strip(), made.stdout.strip()


@pytest.fixture(scope="module")
def locked(
    model_server: ModelServer, key: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Return a gateway that knows the key."""
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("locked"), api_keys=key[1]) as gateway:
        yield gateway


@pytest.mark.skipif(shutil.which("slowhttptest") is None, reason="slowhttptest is not on the PATH")
def test_attackers_are_told_from_the_good_client(locked: Gateway, key: tuple[str, str]) -> None:
    """So many as there are, and for how long each was held; the good client's answers are counted beside them."""
    options = ["--url", locked.url, "--attacks", "headers", "--connections", "10", "--arrivals", "10"]
    ended = subprocess.run(
        [PYTHON, "-m", "loadtests.slowclients", *options, "--rounds", "1", "--seconds", "4", "--rate", "5"],
        cwd=ROOT,
        env={**os.environ, "PULMO_API_KEY": key[0]},
        capture_output=True,
        text=True,
        check=False,
    )
    figures = json.loads(ended.stdout)

    assert 9 <= figures["attackers"] <= 11
    assert figures["held_s"]["median"] > 0
    assert set(figures["quiet"]) == {"200"}
    assert set(figures["attacked"]) == {"200"}
    assert ended.returncode in {0, 1}


def test_locust_sends_its_key(locked: Gateway, key: tuple[str, str]) -> None:
    """From the environment, so that it is in no list of processes."""
    options = ["--headless", "-u", "1", "-r", "1", "-t", "2s", "--host", locked.url, "--images", "data/samples"]
    ended = subprocess.run(
        [PYTHON, "-m", "locust", "-f", LOCUSTFILE, *options],
        cwd=ROOT,
        env={**os.environ, "PULMO_API_KEY": key[0]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert key[0] not in ended.stderr
