"""`make run` on a fresh checkout: everything that a newcomer is promised, on real processes."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.processes import ROOT, eventually, free_port

PORTS = ("PULMO_PORT", "PULMO_CONSOLE_PORT", "PULMO_MODEL_SERVER_REST_PORT")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the working tree as a clone would hold it, with this environment instead of an installed one."""
    folder = tmp_path_factory.mktemp("fresh") / "pulmo"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@contextmanager
def make_run(checkout: Path, log: Path, **ports: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start `make run` as a terminal would: in a process group of its own."""
    environment = {**os.environ, **{name: str(port) for name, port in ports.items()}}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["make", "--no-print-directory", "run"],
            cwd=checkout,
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    family = psutil.Process(process.pid)
    try:
        yield process
    finally:
        left = [family, *family.children(recursive=True)] if process.poll() is None else []
        for each in left:
            each.kill()
        process.wait()


def family_of(process: subprocess.Popen[bytes]) -> dict[str, psutil.Process]:
    """Return the running parts, by the module that each runs."""
    parts: dict[str, psutil.Process] = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.NoSuchProcess:  # it ended meanwhile, or has ended and is not waited for yet
            continue
        for module in ("serving", "gateway", "streamlit"):
            if module in words:
                parts.setdefault(module, child)
    return parts


def healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@pytest.mark.timeout(400)
def test_a_fresh_checkout_runs_recovers_and_stops(checkout: Path, tmp_path: Path) -> None:
    """It trains a model, says where it is, answers the printed line, restarts what dies, and leaves nothing behind."""
    log, ports = tmp_path / "log", {name: free_port() for name in PORTS}
    url = f"http://127.0.0.1:{ports['PULMO_PORT']}"
    with make_run(checkout, log, **ports) as process:
        eventually(lambda: "Stop it:" in log.read_text() or process.poll() is not None, within=300, what="it is ready")
        output = log.read_text()
        assert process.poll() is None, output
        assert (checkout / "var/models/lung/1").is_dir()

        command = re.search(r"curl .*", output)
        assert command is not None
        reply = subprocess.run(command[0].split(), cwd=checkout, check=True, capture_output=True, text=True).stdout
        assert '"model_version":1' in reply
        assert '"prediction":"' in reply

        metrics = f"http://127.0.0.1:{ports['PULMO_MODEL_SERVER_REST_PORT']}/monitoring/prometheus/metrics"
        assert ':tensorflow:serving:request_count{model_name="lung",status="OK"}' in httpx.get(metrics).text

        second = subprocess.run(["make", "run"], cwd=checkout, check=False, capture_output=True, text=True)
        assert "runs already in this folder" in second.stderr

        parts = family_of(process)
        assert parts.keys() == {"serving", "gateway", "streamlit"}
        parts["serving"].kill()
        eventually(lambda: not healthy(url), within=30, what="the loss of the model server shows")
        eventually(lambda: healthy(url), within=60, what="the model server is back")
        parts["gateway"].kill()
        eventually(lambda: family_of(process).get("gateway") not in (None, parts["gateway"]), within=30, what="restart")
        eventually(lambda: healthy(url), within=60, what="the gateway is back")
        assert "exited: model-server (terminated by SIGKILL; not expected)" in log.read_text()
        assert "exited: gateway (terminated by SIGKILL; not expected)" in log.read_text()

        everyone = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)  # Ctrl-C
        _, alive = psutil.wait_procs([*everyone], timeout=40)
        assert [each.cmdline() for each in alive] == [], log.read_text()[-2000:]
