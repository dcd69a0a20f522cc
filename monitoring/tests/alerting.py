"""Alerts all the way: Prometheus and Alertmanager watch real processes, with shorter windows, and a webhook hears."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import yaml

from monitoring.generate import rules
from monitoring.rules import Windows
from monitoring.symptoms import Limits
from monitoring.tests.programs import alertmanager_program, is_ready, program
from tests.processes import ROOT, eventually, free_port, running

MONITORING = ROOT / "monitoring"
INTERVAL = "500ms"  # between two scrapes, and at most for one

Status = Literal["firing", "resolved"]


@dataclass(frozen=True)
class Heard:
    """What a receiver was told: of each alert, known by its labels, `firing` and `resolved` by turns."""

    told: dict[frozenset[tuple[str, str]], list[Status]] = field(default_factory=dict)

    def take(self, labels: Mapping[str, str], status: Status) -> None:
        """Take note of what an alert is now; it is told again and again."""
        turns = self.told.setdefault(frozenset(labels.items()), [])
        if turns[-1:] != [status]:
            turns.append(status)

    def now(self, alert: str, **labels: str) -> set[Status]:
        """Return what the alerts of a name are now, those that have `labels` too; nothing while none was heard of."""
        wanted = {("alertname", alert), *labels.items()}
        return {turns[-1] for known, turns in list(self.told.items()) if wanted <= known}

    def names(self) -> set[str]:
        """Return the names of all alerts that were heard of."""
        return {dict(known)["alertname"] for known in list(self.told)}

    def wait(self, status: Status, *alerts: str, **labels: str) -> None:
        """Wait until one alert of each name fires, or until all of them that were heard of have ended."""

        def done(alert: str) -> bool:
            now = self.now(alert, **labels)
            return "firing" in now if status == "firing" else now == {"resolved"}

        for alert in alerts:
            eventually(lambda alert=alert: done(alert), within=120, what=f"{alert} is {status}")  # type: ignore[misc]


@contextmanager
def webhook() -> Iterator[tuple[str, Heard]]:
    """Listen for Alertmanager (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config)."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for alert in document["alerts"]:
                heard.take(alert["labels"], alert["status"])
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
def watching(
    folder: Path,
    windows: Windows,
    *,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    key_file: Path | None = None,
    port: int | None = None,
    **jobs: str,
) -> Iterator[Heard]:
    """Watch with the rules there are, until the block ends.

    Args:
        folder: for configurations and data; it is made.
        windows: that the rules have instead of theirs.
        limits: likewise.
        key_file: holds the gateway's API key, where it has keys.
        port: where Prometheus answers, for a test that asks it.
        jobs: the address of each job's one target: `gateway="127.0.0.1:8000"`.
    """
    (folder / "targets").mkdir(parents=True)
    (folder / "rules").mkdir()
    for name, text in rules(windows, limits).items():
        (folder / "rules" / name).write_text(text)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(key_file)))
    with webhook() as (hook, heard), alertmanager(hook, folder) as told:
        for name, target in {**jobs, "alertmanager": told}.items():
            (folder / "targets" / f"{name}.yaml").write_text(yaml.safe_dump([{"targets": [target]}]))
        address = f"127.0.0.1:{port or free_port()}"
        command = [
            str(program("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--rules.alert.resend-delay=1s",  # what fired before it knew of Alertmanager is told again
        ]
        with running(command, log=folder / "prometheus.log", ready=lambda: is_ready(f"http://{address}")):
            heard.wait("firing", "Watchdog")
            yield heard


def _configuration(key_file: Path | None) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL}
    if key_file is not None:
        [gateway] = [job for job in config["scrape_configs"] if job["job_name"] == "gateway"]
        gateway["authorization"] = {"credentials_file": str(key_file)}
    return config
