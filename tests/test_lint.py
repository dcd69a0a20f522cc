"""What `promtool check metrics` says of all that is exposed: nothing, but for names that are TensorFlow Serving's."""

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.debian import ProgramMissing, find_program
from tests.gateways import Gateway, serving_gateway
from tests.modelserver import MODEL, ModelServer, serving
from tests.processes import ROOT, free_port
from tests.toymodel import LABELS
from tests.visits import ANSWERED, REFUSED
from tests.workers import working_together

PROGRAM = "promtool"
_COLON = "metric names should not contain ':'"
_TOTAL = 'counter metrics should have "_total" suffix'
_COUNT = 'non-histogram and non-summary metrics should not have "_count" suffix'
TENSORFLOW_SERVINGS = {
    ":tensorflow:cc:saved_model:load_attempt_count": {_COLON, _TOTAL, _COUNT},
    ":tensorflow:cc:saved_model:load_latency": {_COLON, _TOTAL},
    ":tensorflow:serving:model_warmup_latency": {_COLON},
    ":tensorflow:serving:model_warmup_records_read": {_COLON, _TOTAL},
    ":tensorflow:serving:request_count": {_COLON, _TOTAL, _COUNT},
    ":tensorflow:serving:request_latency": {_COLON},
    ":tensorflow:serving:runtime_latency": {_COLON},
}
"""Names that we keep so that one dashboard shows both servers, and what is not usual about them."""


def lint(text: str) -> dict[str, set[str]]:
    """Return what promtool says of each metric of a scrape."""
    try:
        program = find_program(PROGRAM)
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    done = subprocess.run([str(program), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    said: dict[str, set[str]] = {}
    for line in (done.stdout + done.stderr).splitlines():
        name, _, complaint = line.partition(" ")
        said.setdefault(name, set()).add(complaint)
    assert bool(said) == bool(done.returncode)
    return said


@pytest.mark.parametrize("start", [serving_gateway, working_together], ids=["one process", "two workers"])
def test_nothing_is_said_of_the_metrics_of_a_gateway(
    model_server: ModelServer, tmp_path: Path, start: Callable[[str, Path], AbstractContextManager[Gateway]]
) -> None:
    """After answers and problems of every kind. OpenMetrics, which promtool cannot read, is read by a strict parser."""
    with start(model_server.target, tmp_path) as gateway, httpx.Client(base_url=gateway.url) as client:
        for visit in (*ANSWERED, *REFUSED):
            client.request(visit.method, visit.path, **visit.content)
        plain = client.get("/metrics", headers={"Accept": "text/plain"}).text
        strict = client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}).text

    assert lint(plain) == {}
    families = text_string_to_metric_families(strict)  # type: ignore[no-untyped-call] # has no types
    assert "gateway_predictions" in {family.name for family in families}


def test_of_the_model_servers_metrics_only_names_of_the_original_are_unusual(toy_store: Path) -> None:
    """Those names are the exact list of what is excused; our own are as they should be."""
    port = free_port()
    monitoring = f"--monitoring_config_file={ROOT / 'serving' / 'config' / 'monitoring.config'}"
    with serving(toy_store, f"--rest_api_port={port}", monitoring):
        url = f"http://127.0.0.1:{port}"
        image = [[[7]] * 32] * 32
        reply = httpx.post(f"{url}/v1/models/{MODEL}:predict", json={"instances": [image]}, timeout=60)
        text = httpx.get(f"{url}/monitoring/prometheus/metrics").text

    assert len(reply.json()["predictions"][0]) == len(LABELS), reply.text
    assert lint(text) == TENSORFLOW_SERVINGS
    assert "pulmo_serving_version_state" in text
