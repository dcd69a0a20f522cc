"""Alerts all the way: a real gateway, Prometheus, Alertmanager, and a webhook that hears; with shorter windows."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from gateway.tests.drifting import LEVELS, post, used_to
from monitoring.generate import rules
from monitoring.rules import Windows
from monitoring.tests.conftest import alertmanager_program, is_ready, program
from tests import toymodel
from tests.clients import posting
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL, serving
from tests.processes import ROOT, eventually, free_port, running
from tests.scripted import scripted

MONITORING = ROOT / "monitoring"
SHORTER = Windows(1 / 60)
BODY = png(pixels(1))


@dataclass(frozen=True)
class Heard:
    """What a receiver was told, oldest first: alert, and `firing` or `resolved`."""

    told: list[tuple[str, str]]

    def last(self, alert: str) -> str | None:
        """Return what was told last of an alert."""
        return next((status for name, status in reversed(self.told) if name == alert), None)

    def wait(self, alert: str, status: str) -> None:
        """Wait until it is told."""
        eventually(lambda: self.last(alert) == status, within=60, what=f"{alert} is {status}")


@contextmanager
def webhook() -> Iterator[tuple[str, Heard]]:
    """Listen for Alertmanager (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config)."""
    heard = Heard([])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.told.extend((alert["labels"]["alertname"], alert["status"]) for alert in document["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", heard
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def alertmanager(hook: str, folder: Path) -> Iterator[str]:
    """Run Alertmanager as it is configured, but that all receivers are `hook`, told at once; yield its address."""
    config = yaml.safe_load((MONITORING / "alertmanager.yml").read_text())
    for route in (config["route"], *config["route"]["routes"]):
        route.update(group_wait="100ms", group_interval="200ms")
    for receiver in config["receivers"]:
        receiver["webhook_configs"] = [{"url": hook}]
    del config["inhibit_rules"]  # here the effects are to be heard too
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        *alertmanager_program(),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running(command, log=folder / "alertmanager.log", ready=lambda: is_ready(f"http://{address}")):
        yield address


@contextmanager
def watching(gateway: Gateway, folder: Path) -> Iterator[Heard]:
    """Watch a gateway with the rules there are, with windows of a sixtieth."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "250ms", "evaluation_interval": "250ms"}
    (folder / "targets").mkdir()
    (folder / "rules").mkdir()
    for name, text in rules(SHORTER).items():
        (folder / "rules" / name).write_text(text)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with webhook() as (hook, heard), alertmanager(hook, folder) as told:
        for name, target in (("alertmanager", told), ("gateway", urlsplit(gateway.url).netloc)):
            (folder / "targets" / f"{name}.yaml").write_text(yaml.safe_dump([{"targets": [target]}]))
        address = f"127.0.0.1:{free_port()}"
        command = [
            str(program("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--rules.alert.resend-delay=1s",  # what fired before it knew of Alertmanager is told again
        ]
        with running(command, log=folder / "prometheus.log", ready=lambda: is_ready(f"http://{address}")):
            yield heard


@pytest.fixture
def store(toy_versions: Path, tmp_path: Path) -> Path:
    """Return a base path with version 1."""
    store = tmp_path / MODEL
    store.mkdir()
    toymodel.copy(toy_versions / "1", store, 1)
    return store


def test_who_is_on_duty_hears_that_no_model_answers_and_that_it_does_again(store: Path, tmp_path: Path) -> None:
    """Without a model server under traffic: no version, refusals, a burning budget; and the end of each with one."""
    socket = tmp_path / "server.sock"
    alerts = ("NoModelReady", "RequestsRefused", "AvailabilityBudgetBurns")
    with (
        serving_gateway(f"unix:{socket}", tmp_path / "gateway", path="/health/live") as gateway,
        watching(gateway, tmp_path) as heard,
        posting(gateway.url, BODY, clients=1),
    ):
        heard.wait("Watchdog", "firing")
        for alert in alerts:
            heard.wait(alert, "firing")
        with serving(store, socket=socket):
            for alert in alerts:
                heard.wait(alert, "resolved")
            assert heard.last("Watchdog") == "firing"


def test_who_is_on_duty_hears_of_a_version_that_cannot_be_loaded(store: Path, tmp_path: Path) -> None:
    """Nothing else is wrong, since the version before goes on answering; it clears by itself."""
    with (
        serving(store, "--max_num_load_retries=0") as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        watching(gateway, tmp_path) as heard,
        posting(gateway.url, BODY, clients=1) as seen,
    ):
        heard.wait("Watchdog", "firing")
        (store / "2").mkdir()
        (store / "2" / "saved_model.pb").write_bytes(b"no model")
        heard.wait("VersionNotLoaded", "firing")
        heard.wait("VersionNotLoaded", "resolved")

        assert {reply.status_code for reply in seen} == {httpx.codes.OK}
        assert {name for name, _ in heard.told} == {"Watchdog", "VersionNotLoaded"}


def test_who_is_on_duty_hears_of_a_gateway_that_is_gone(store: Path, tmp_path: Path) -> None:
    """It ends, and is missed."""
    with (
        serving(store) as server,
        serving_gateway(server.target, tmp_path / "gateway") as gateway,
        watching(gateway, tmp_path) as heard,
    ):
        heard.wait("Watchdog", "firing")
        gateway.running.process.terminate()
        heard.wait("TargetDown", "firing")


def test_who_is_on_duty_hears_of_images_that_drift_and_of_their_end(tmp_path: Path) -> None:
    """Nothing else is wrong, since every image is answered; it clears when they are as before."""
    with (
        scripted(v1=used_to()) as server,
        serving_gateway(server.target, tmp_path / "gateway", drift_window_images="200") as gateway,
        watching(gateway, tmp_path) as heard,
    ):
        heard.wait("Watchdog", "firing")
        post(gateway, LEVELS * 50)
        post(gateway, [LEVELS[3]] * 200)
        heard.wait("InputDrifts", "firing")
        post(gateway, LEVELS * 50)
        heard.wait("InputDrifts", "resolved")

        assert {name for name, _ in heard.told} == {"Watchdog", "InputDrifts"}
