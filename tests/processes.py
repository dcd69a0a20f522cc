"""Real processes for tests: start one, wait until it answers, stop it by its pid, whatever happens."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable


@dataclass(frozen=True)
class Running:
    """A process that was ready when the test got it."""

    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        """Return what the process has printed so far, both streams."""
        return self.log.read_text(errors="replace")


def eventually(condition: Callable[[], bool], *, within: float, what: str) -> None:
    """Wait until `condition` holds, asking again and again; fail with `what` after `within` seconds."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {within:g} s still not: {what}")
        time.sleep(0.02)  # the one pause of the tests: other processes offer no event to wait for


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    within: float = 60,
) -> Iterator[Running]:
    """Start `command`, wait until `ready()` holds, and stop it at the end: SIGTERM, and SIGKILL after 15 s."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=cwd
        )
    started = Running(process, log)
    try:
        eventually(lambda: process.poll() is not None or ready(), within=within, what=f"{command} is ready")
        if process.poll() is not None:
            raise RuntimeError(f"{command} ended with {process.returncode}:\n{started.output()}")
        yield started
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> int:
    """End `process` as an operator would, and return its exit status."""
    process.terminate()
    try:
        return process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
