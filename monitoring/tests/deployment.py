"""All that is watched, as processes of its own: model server, gateway, node exporter; and a Prometheus that watches."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from monitoring.generate import RULES
from monitoring.tests.programs import answers, is_ready, program
from monitoring.tests.queries import ask
from tests.gateways import Gateway, serving_gateway
from tests.modelserver import MODEL, keep_newest, serving
from tests.processes import PYTHON, ROOT, eventually, free_port, running

OFTEN = "1s"
METRICS = "/monitoring/prometheus/metrics"
FLAGS = (
    f"--monitoring_config_file={ROOT / 'serving' / 'config' / 'monitoring.config'}",
    "--max_num_load_retries=0",
)
SETTINGS = {
    "guard": "true",
    "guard_window_s": "12",  # so that the guard decides within seconds
    "guard_images": "30",
    "cache_entries": "8",  # less than there are images, so that most are asked for
    "concurrency_limit": "24",
}
SAYS = {
    "abstention_threshold": 0.9,
    "drift_reference": {"classes": [100] * 4, "appearance": {"mean": {"edges": [64, 128, 192], "counts": [100] * 4}}},
}
"""Of version 1: it abstains from what it is not very sure of, and tells what is usual, so that drift can be told."""


@dataclass(frozen=True)
class Deployment:
    """The processes, and where they keep their things."""

    gateway: Gateway
    prometheus_url: str
    server_url: str
    """Of the model server's metrics."""
    versions: Path
    """The folder of the versions that may be published."""
    store: Path
    script: Path
    """The folder of the scripted trainer."""

    def scraped(self, expr: str) -> float:
        """Return the sum of what Prometheus has for an expression now."""
        return sum(ask(self.prometheus_url, expr))


@contextmanager
def deployed(versions: Path, folder: Path) -> Iterator[Deployment]:
    """Run them all with version 1 of the toy model; `versions` is a folder with others."""
    store, script = folder / MODEL, folder / "script"
    store.mkdir()
    script.mkdir()
    publish = [PYTHON, "-m", "tests.toymodel", str(store), "1", "--says", json.dumps(SAYS)]
    subprocess.run(publish, check=True, cwd=ROOT)
    port = free_port()
    settings = {**SETTINGS, "trainer": f"{sys.executable} -m tests.scriptedtrainer {script}"}
    with (
        serving(store, keep_newest(store, 3, folder), f"--rest_api_port={port}", *FLAGS) as server,
        serving_gateway(server.target, folder / "gateway", **settings) as gateway,
        exporting_host(folder) as host,
        scraping(folder, gateway=urlsplit(gateway.url).netloc, host=host, server=f"127.0.0.1:{port}") as url,
    ):
        yield Deployment(gateway, url, f"http://127.0.0.1:{port}{METRICS}", versions, store, script)


@contextmanager
def exporting_host(folder: Path) -> Iterator[str]:
    """Run Prometheus' node exporter as deploy/compose.yaml does, but outside a container; yield its address."""
    name = "prometheus-node-exporter"
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    flags = [flag for flag in compose["services"]["node-exporter"]["command"] if "rootfs" not in flag]
    address = f"127.0.0.1:{free_port()}"
    command = [str(program(name, name)), f"--web.listen-address={address}", *flags]
    with running(command, log=folder / "host.log", ready=lambda: answers(f"http://{address}/metrics")):
        yield address


@contextmanager
def scraping(folder: Path, *, gateway: str, host: str, server: str) -> Iterator[str]:
    """Run Prometheus as it is configured, but that it looks every second; yield its URL once it reads them all."""
    config = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": OFTEN, "evaluation_interval": OFTEN}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    (folder / "rules").symlink_to(RULES)
    targets: Mapping[str, str] = {"gateway": gateway, "host": host, "model-server": server}
    (folder / "targets").mkdir()
    for name, target in targets.items():
        (folder / "targets" / f"{name}.yaml").write_text(yaml.safe_dump([{"targets": [target]}]))
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program("prometheus")),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    url = f"http://{address}"
    with running(command, log=folder / "prometheus.log", ready=lambda: is_ready(url)):
        eventually(lambda: ask(url, "up") == [1] * len(targets), within=60, what="Prometheus reads all targets")
        yield url
