"""The console as a process of its own, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.processes import PYTHON, ROOT, Running, free_port, running


@dataclass(frozen=True)
class Console:
    """A console that answered when the test got it."""

    url: str
    running: Running


@contextmanager
def serving_console(folder: Path, *, port: int = 0, cwd: Path = ROOT, **settings: str) -> Iterator[Console]:
    """Run a console until the block ends, at a free port if none is given; `settings` are PULMO_ names, lower case."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    command = [PYTHON, "-m", "dashboard", "--port", str(port)]
    environment = {f"PULMO_{name.upper()}": value for name, value in settings.items()}
    with running(command, log=folder / "console.log", ready=lambda: answers(url), env=environment, cwd=cwd) as process:
        yield Console(url, process)


def answers(url: str) -> bool:
    """Return whether a console is there."""
    try:
        return httpx.get(f"{url}/_stcore/health").text == "ok"
    except httpx.TransportError:
        return False
