"""The whole service as it runs for an operator: its processes under supervisord, in a folder of their own.

supervisord is set as `make run` sets it (`deploy/local/supervisord.conf`), so what dies here comes back as it does
there; the console is left out, and the model servers are those that a scenario needs.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from configparser import RawConfigParser
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import getuid
from pathlib import Path
from pwd import getpwuid
from tempfile import TemporaryDirectory

import httpx
import psutil

from tests.gateways import Gateway
from tests.laws import at_rest
from tests.modelserver import MODEL, keep_newest
from tests.processes import PYTHON, ROOT, Running, eventually, free_port, running
from tests.scrapes import Scrape

GATEWAY = "gateway"
_CONFIGURATION = ROOT / "deploy/local/supervisord.conf"
_AWAY = (psutil.NoSuchProcess, psutil.ZombieProcess)
_SETTLED_S = 20  # longer than any request may take
_BACK_S = 120  # for a part to be there again; seconds, where nothing else needs the machine


def server(number: int) -> str:
    """Return the name of a model server; they are counted from 0."""
    return f"model-server-{number}"


@dataclass(frozen=True)
class System:
    """A system whose model answered when the scenario got it."""

    url: str
    history: str
    """Its SQLAlchemy URL."""
    workers: int
    parts: Mapping[str, str]
    """By the name of a part, what stands on its command line and on no other's."""
    supervisor: Running

    @property
    def gateway(self) -> Gateway:
        """The gateway, for the tests' questions about its metrics."""
        return Gateway(self.url, Path(), self.supervisor)

    def main(self, part: str) -> psutil.Process:
        """Return the process that supervisord has started as a part, when there is one."""
        found: list[psutil.Process] = []

        def look() -> bool:
            for child in psutil.Process(self.supervisor.process.pid).children():
                with suppress(*_AWAY):
                    if self.parts[part] in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                        found.append(child)
            return bool(found)

        eventually(look, within=_BACK_S, what=f"there is a process of {part}: {self.supervisor.output()[-2000:]}")
        return found[0]

    def family(self, part: str) -> list[psutil.Process]:
        """Return a part's processes: the one that supervisord knows, and its children."""
        main = self.main(part)
        return [main, *main.children(recursive=True)]

    def workers_alive(self) -> list[psutil.Process]:
        """Return the workers of the gateway."""
        return [each for each in self.main(GATEWAY).children() if each.status() != psutil.STATUS_ZOMBIE]

    def kill(self, part: str) -> None:
        """End a part at once (SIGKILL); supervisord starts it again."""
        family = self.family(part)
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=_BACK_S)

    @contextmanager
    def paused(self, part: str) -> Iterator[None]:
        """Stop all processes of a part for the length of a block: they live, and do nothing (SIGSTOP)."""
        with pausing(self.family(part)):
            yield

    def is_ready(self) -> bool:
        """Return whether the gateway, with all its workers, has a version that answers."""
        try:
            text = self._scrape()
        except httpx.HTTPError:
            return False
        lines = set(text.splitlines())
        return "gateway_backend_ready 1.0" in lines and len(self.workers_alive()) == self.workers

    def await_ready(self) -> None:
        """Wait until it is."""
        eventually(self.is_ready, within=_BACK_S, what=f"it answers again: {self.supervisor.output()[-2000:]}")

    def settled(self) -> str:
        """Return what the gateway tells Prometheus, once nothing is under way any more."""
        seen: list[str] = []

        def look() -> bool:
            seen.append(self._scrape())
            return at_rest(Scrape.parse(seen[-1]))

        with suppress(TimeoutError):  # the checker says what it is that does not come to an end
            eventually(look, within=_SETTLED_S, what="nothing is under way")
        return seen[-1]

    def _scrape(self) -> str:
        reply = httpx.get(f"{self.url}/metrics", headers={"Accept": "text/plain"}, timeout=20)
        return reply.raise_for_status().text


@contextmanager
def pausing(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Stop processes for the length of a block (SIGSTOP), and let them go on (SIGCONT)."""
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


@contextmanager
def operating(
    folder: Path,
    store: Path,
    *,
    servers: int = 1,
    workers: int = 1,
    history: str = "",
    stub: Sequence[str] = (),
    **settings: str,
) -> Iterator[System]:
    """Run the system until the block ends.

    Args:
        folder: for all that it writes.
        store: of the model `lung`; each model server keeps its two newest versions.
        servers: how many model servers there are.
        workers: processes of the gateway.
        history: SQLAlchemy URL; a file in `folder` without one.
        stub: the arguments of `loadtests.stub`, which then stands for the model servers.
        settings: PULMO_ names, in lower case.
    """
    (folder / "var/run").mkdir(parents=True)
    history = history or f"sqlite:///{folder / 'history.db'}"
    port = free_port()
    with TemporaryDirectory(prefix="pulmo-") as short:  # the path of a Unix socket has 107 bytes at most
        sockets = [f"{short}/{number}" for number in range(servers)]
        commands = [
            [PYTHON, "-m", "loadtests.stub", "--socket", socket, *stub] if stub else _serve(store, socket, folder)
            for socket in sockets
        ]
        named = {server(number): command for number, command in enumerate(commands)}
        configuration = folder / "supervisord.conf"
        configuration.write_text(_configure(named))
        environment = {
            "backend": ",".join(f"unix:{socket}" for socket in sockets),
            "port": str(port),
            "workers": str(workers),
            "history": history,
            "store": str(store),
            "model_poll_s": "0.1",
            "guard": "false",  # toys answer otherwise than each other, as the scenarios need them to
            **settings,
        }
        parts = {GATEWAY: GATEWAY, **{server(number): _mark(socket, stub) for number, socket in enumerate(sockets)}}
        url = f"http://127.0.0.1:{port}"
        with running(
            [PYTHON, "-m", "supervisor.supervisord", "--configuration", str(configuration)],
            log=folder / "log",
            ready=lambda: _has_a_model(url),
            env={**_for_supervisord(folder), **{f"PULMO_{name.upper()}": each for name, each in environment.items()}},
            cwd=folder,
            within=_BACK_S,
        ) as supervisor:
            system = System(url, history, workers, parts, supervisor)
            system.await_ready()
            yield system


def _serve(store: Path, socket: str, folder: Path) -> list[str]:
    """Return the command of an embedded model server."""
    return [
        *(PYTHON, "-m", "serving", "--embedded=true", "--port=0", f"--grpc_socket_path={socket}"),
        *(f"--model_name={MODEL}", f"--model_base_path={store}", "--file_system_poll_wait_seconds=0.1"),
        *("--max_num_load_retries=0", keep_newest(store, 2, folder)),
    ]


def _mark(socket: str, stub: Sequence[str]) -> str:
    return socket if stub else f"--grpc_socket_path={socket}"


def _configure(servers: Mapping[str, Sequence[str]]) -> str:
    """Return supervisord's configuration: that of `make run`, with these model servers and without the console."""
    given = RawConfigParser()
    given.read(_CONFIGURATION)
    sections = {name: dict(given[name]) for name in ("supervisord", "program:gateway")}
    for name, command in servers.items():
        sections[f"program:{name}"] = {**given["program:model-server"], "command": " ".join(command)}
    lines = [
        f"[{name}]\n" + "\n".join(f"{key}={value}" for key, value in each.items()) for name, each in sections.items()
    ]
    return "\n\n".join(lines) + "\n"


def _for_supervisord(folder: Path) -> dict[str, str]:
    """Return what its configuration takes from the environment, and where its processes find our packages."""
    return {
        "PULMO_ROOT": str(folder),
        "PULMO_PYTHON": sys.executable,
        "PULMO_USER": getpwuid(getuid()).pw_name,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
    }


def _has_a_model(url: str) -> bool:
    """Return whether a version can answer; /health/ready would be a problem that is counted until one can."""
    try:
        return bool(httpx.get(f"{url}/health", timeout=5).json()["model_loaded"])
    except httpx.TransportError:
        return False
