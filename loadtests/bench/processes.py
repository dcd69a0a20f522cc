"""The processes that are measured: started in a temporary folder, watched, and stopped by their pid."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

PYTHON: Final = sys.executable
_PATIENCE_S: Final = 180.0


class NotReady(RuntimeError):
    """A process did not get ready, or ended; the message holds the end of what it wrote."""


@dataclass(frozen=True)
class Started:
    """A process that got ready."""

    pid: int
    ready_s: float
    """From its start to its being ready, seconds."""
    log: Path


@dataclass(frozen=True)
class Gateway:
    """Our service: a gateway, and the model server behind it."""

    url: str
    gateway: Started
    model_server: Started

    @property
    def pids(self) -> list[int]:
        """Both."""
        return [self.gateway.pid, self.model_server.pid]


@contextmanager
def started(
    command: Sequence[str], log: Path, ready: Callable[[], bool], env: Mapping[str, str] | None = None
) -> Iterator[Started]:
    """Run a command until the block ends; it is waited for until `ready()` holds.

    Raises:
        NotReady: it ended, or took longer than three minutes.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
        )
    try:
        while not ready():
            if process.poll() is not None or time.monotonic() > begin + _PATIENCE_S:
                raise NotReady(f"{' '.join(command)} did not get ready:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.005)  # another process offers no event to wait for
        yield Started(process.pid, time.monotonic() - begin, log)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and the children that it leaves: SIGTERM, and SIGKILL after 15 s."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in psutil.wait_procs(children, timeout=5)[1]:
        child.kill()


@contextmanager
def model_server(base_path: Path, folder: Path, *, bfloat16: bool = False) -> Iterator[tuple[str, Started]]:
    """Run the embedded model server for the versions below `base_path`; yields its gRPC target too."""
    sock = folder / "model-server.sock"
    sock.unlink(missing_ok=True)
    command = [PYTHON, "-m", "serving", "--embedded=true", "--port=0", f"--grpc_socket_path={sock}"]
    command += ["--model_name=lung", f"--model_base_path={base_path.absolute()}"]
    if bfloat16:
        command.append("--mixed_precision=bfloat16")
    with started(command, folder / "model-server.log", sock.exists) as process:
        yield f"unix:{sock}", process


@contextmanager
def stub_server(folder: Path, base_s: float, per_image_s: float) -> Iterator[tuple[str, Started]]:
    """Run `loadtests.stub`; yields its gRPC target too."""
    sock = folder / "stub.sock"
    sock.unlink(missing_ok=True)
    command = [PYTHON, "-m", "loadtests.stub", f"--socket={sock}", f"--base={base_s}", f"--per-image={per_image_s}"]
    with started(command, folder / "stub.log", sock.exists) as process:
        yield f"unix:{sock}", process


@contextmanager
def gateway(
    target: str, folder: Path, settings: Mapping[str, str], name: str = "gateway"
) -> Iterator[tuple[str, Started]]:
    """Run a gateway for the model server at `target` until a version can answer; yields its URL too.

    `settings` are PULMO_ variables; its history is a new file in `folder`.
    """
    port = free_port()
    history = folder / f"{name}.db"
    for file in folder.glob(f"{name}.db*"):
        file.unlink()
    env = {
        "PULMO_PORT": str(port),
        "PULMO_BACKEND": target,
        "PULMO_HISTORY": f"sqlite:///{history}",
        **settings,
    }
    command = [PYTHON, "-m", "gateway"]
    with started(command, folder / f"{name}.log", lambda: get_status(port, "/health/ready") == 200, env) as process:
        yield f"http://127.0.0.1:{port}", process


@contextmanager
def service(base_path: Path, folder: Path, settings: Mapping[str, str], *, bfloat16: bool) -> Iterator[Gateway]:
    """Run a model server and a gateway in front of it."""
    with (
        model_server(base_path, folder, bfloat16=bfloat16) as (target, server),
        gateway(target, folder, settings) as (url, front),
    ):
        yield Gateway(url, front, server)


def get_status(port: int, path: str) -> int:
    """Return the status of a GET on loopback; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_json(*command: str | Path) -> Any:  # noqa: ANN401 - JSON
    """Run a Python module to its end and return the JSON document that it wrote last.

    Raises:
        NotReady: it failed.
    """
    done = subprocess.run([PYTHON, "-m", *map(str, command)], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise NotReady(f"python -m {' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
