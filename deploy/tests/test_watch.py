"""`make watch` beside a real gateway: who is watched, what is said, and what is left behind."""

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import psutil
import pytest
import yaml

from deploy.watch.announcement import QUERIES
from deploy.watch.layout import PORTS
from gateway.access.keys import new_key
from monitoring.tests.programs import alertmanager_program, program
from monitoring.tests.queries import ask
from tests.clients import posting
from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.processes import PYTHON, ROOT, eventually, free_port
from tests.scripted import Version, certain, scripted

IMAGE = png(pixels(1))
NODE_EXPORTER = "prometheus-node-exporter"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder to watch from: the configuration is there, and nothing has run in it."""
    root = tmp_path / "a folder"
    root.mkdir()
    (root / "monitoring").symlink_to(ROOT / "monitoring")
    return root


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with Prometheus alone, to be the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "prometheus").symlink_to(program("prometheus"))
    return folder


def add_the_others(programs: Path) -> None:
    """Add the node exporter and Alertmanager, and a program that stands for Grafana: it says how it was started."""
    (programs / NODE_EXPORTER).symlink_to(program(NODE_EXPORTER, NODE_EXPORTER))
    searched = f"PATH={shlex.quote(os.environ['PATH'])}; export PATH"
    scripts = {
        "prometheus-alertmanager": f'exec {shlex.join(alertmanager_program())} "$@"',
        "grafana": 'echo "grafana $* from $GF_PATHS_PROVISIONING"; exec tail -f /dev/null',
    }
    for name, script in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{searched}\n{script}\n")
        (programs / name).chmod(0o755)


def environment(programs: Path, **settings: object) -> dict[str, str]:
    """Return the environment of a watch: only these programs, and ports that nobody has."""
    ports = {name: str(free_port()) for name in PORTS}
    return {**ports, "PYTHONPATH": str(ROOT), "PATH": str(programs), **{name: str(at) for name, at in settings.items()}}


@contextmanager
def watch(root: Path, variables: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start it as a terminal would: in a process group of its own."""
    with log.open("ab") as sink:  # several processes write to it
        process = subprocess.Popen(
            [PYTHON, "-m", "deploy.watch"],
            cwd=root,
            env=variables,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    family = psutil.Process(process.pid)
    try:
        said = lambda: "Stop it:" in log.read_text() or process.poll() is not None  # noqa: E731
        eventually(said, within=120, what="it has said where everything is")
        yield process
    finally:
        for each in [family, *family.children(recursive=True)] if process.poll() is None else []:
            each.kill()
        process.wait()


def refusal(root: Path, variables: Mapping[str, str]) -> str:
    """Return what is said where nothing is started."""
    ended = subprocess.run(
        [PYTHON, "-m", "deploy.watch"], cwd=root, env=variables, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 1, ended.stderr
    return ended.stderr


def test_the_running_system_is_watched_until_ctrl_c(root: Path, programs: Path, tmp_path: Path) -> None:
    """Prometheus reads the gateway, with its key, and the host; Alertmanager hears; all of them end together."""
    add_the_others(programs)
    secret, key = new_key("prometheus", ["predict"])
    (root / "key").write_text(secret)
    log = tmp_path / "log"
    with (
        scripted(v1=Version(certain(0))) as model,
        serving_gateway(model.target, tmp_path / "gateway", api_keys=key.line()) as gateway,
    ):
        port = urlsplit(gateway.url).port
        variables = environment(programs, PULMO_PORT=port, PULMO_API_KEY_FILE="key")
        prometheus = f"http://127.0.0.1:{variables['PULMO_PROMETHEUS_PORT']}"
        alerts = f"http://127.0.0.1:{variables['PULMO_ALERTMANAGER_PORT']}/api/v2/alerts"
        with watch(root, variables, log) as process:
            assert process.poll() is None, log.read_text()
            for job in ("gateway", "host"):
                up = f'up{{job="{job}"}}'
                eventually(lambda up=up: ask(prometheus, up) == [1], within=60, what=up)  # type: ignore[misc]
            eventually(
                lambda: "Watchdog" in httpx.get(alerts).text, within=60, what=f"Alertmanager hears: {log.read_text()}"
            )
            with posting(gateway.url, IMAGE, clients=1, headers={"Authorization": f"Bearer {secret}"}):
                for expr in QUERIES.values():
                    eventually(lambda expr=expr: bool(ask(prometheus, expr)), within=60, what=expr)  # type: ignore[misc]
            assert "this folder is watched already" in refusal(root, variables)

            everyone = psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, signal.SIGINT)  # Ctrl-C
            _, alive = psutil.wait_procs([psutil.Process(process.pid), *everyone], timeout=40)
            assert [each.cmdline() for each in alive] == [], log.read_text()

    said = log.read_text()
    assert f"{gateway.url} is watched." in said
    assert f"PULMO_PROMETHEUS_URL=http://127.0.0.1:{variables['PULMO_PROMETHEUS_PORT']}" in said
    assert "not on the PATH" not in said
    assert f"from {root}/var/run/watch/grafana" in said
    assert "grafana server --homepath" in said
    assert (root / "var/prometheus").is_dir()


def test_what_is_not_installed_is_named_and_the_rest_runs(root: Path, programs: Path, tmp_path: Path) -> None:
    """Prometheus alone: it says how to get the others, where to look instead, and that there is nothing to watch."""
    variables = environment(programs, PULMO_PORT=free_port(), PULMO_CONSOLE_PORT=8502)
    log = tmp_path / "log"
    with watch(root, variables, log) as process:
        assert process.poll() is None, log.read_text()

    said = log.read_text()
    prometheus = f"http://127.0.0.1:{variables['PULMO_PROMETHEUS_PORT']}"
    assert "`make run` starts it" in said
    assert "apt-get install prometheus-alertmanager" in said
    assert "apt-get install prometheus-node-exporter" in said
    assert "https://grafana.com/grafana/download" in said
    assert f"{prometheus}/graph?g0.range_input=15m&g0.tab=1&g0.expr=ALERTS\n" in said
    assert all(f"&g0.expr={quote(expr, safe='')}\n" in said for expr in QUERIES.values())
    assert "http://127.0.0.1:8502" in said


def test_without_prometheus_nothing_is_started(root: Path, tmp_path: Path) -> None:
    """It says how to get it."""
    assert "apt-get install prometheus" in refusal(root, environment(tmp_path / "nothing"))


def test_a_port_that_is_taken_is_named_with_the_setting(root: Path, programs: Path) -> None:
    """Before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        said = refusal(root, environment(programs, PULMO_PROMETHEUS_PORT=port))

    assert f"port {port} is taken; name another one: PULMO_PROMETHEUS_PORT={port + 1} make watch" in said


def test_a_key_that_is_not_there_is_named(root: Path, programs: Path) -> None:
    """Else the gateway would refuse each scrape, and nobody would know why."""
    assert "PULMO_API_KEY_FILE is 'nowhere'" in refusal(root, environment(programs, PULMO_API_KEY_FILE="nowhere"))


def test_grafana_is_told_where_the_dashboards_are(root: Path, programs: Path, tmp_path: Path) -> None:
    """The provisioning is that of the containers, but for the place."""
    with watch(root, environment(programs), tmp_path / "log"):
        told = yaml.safe_load((root / "var/run/watch/grafana/dashboards/pulmo.yaml").read_text())
    folder = Path(told["providers"][0]["options"]["path"])

    assert (folder / "overview.json").is_file()
