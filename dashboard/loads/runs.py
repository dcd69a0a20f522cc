"""The load that runs, one at a time for all visitors of this console."""

import contextlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final, Literal

import msgspec

from dashboard.loads.command import FILES, RESULTS, LoadRefused, command_line, environment
from dashboard.loads.figures import Moment, Result, read_course, read_end, read_result

State = Literal["running", "finished", "stopped", "failed"]
_KEEPER: Final = Path(__file__).with_name("keeper.py")
_LOG: Final = "log"
_END_S: Final = 10.0


class Look(msgspec.Struct, frozen=True):
    """What is known of a load."""

    scenario: str
    seconds: int
    """That it was to take."""
    state: State
    """`failed`: it ended without figures, as `log` says."""
    course: list[Moment]
    result: Result | None = None
    log: str = ""


class _Run:
    """A load with its process, its folder, and whether somebody has stopped it."""

    def __init__(self, keeper: "subprocess.Popen[bytes]", folder: "TemporaryDirectory[str]") -> None:
        self._keeper = keeper
        self._folder = folder
        self._stopped = False

    def look(self, scenario: str, seconds: int) -> Look:
        """Say how it is; `failed` where it has ended and there are no figures."""
        place, has_ended = Path(self._folder.name), self._keeper.poll() is not None
        course = read_course(place / FILES, scenario)
        if not has_ended:
            return Look(scenario, seconds, "running", course)
        if self._stopped:
            return Look(scenario, seconds, "stopped", course)
        result = read_result(place / RESULTS, scenario)
        return Look(scenario, seconds, "finished" if result else "failed", course, result, read_end(place / _LOG))

    def stop(self) -> None:
        """Let go: the keeper kills what it keeps."""
        self._stopped = self._keeper.poll() is None
        self._close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it is looked at again
            self._keeper.wait(_END_S)

    def forget(self) -> None:
        """Leave nothing behind of one that has ended."""
        self._close()
        self._folder.cleanup()

    def _close(self) -> None:
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()


def _begin(line: Sequence[str], env: Mapping[str, str], folder: "TemporaryDirectory[str]") -> _Run:
    """Start a load.

    Raises:
        OSError: it cannot be started.
    """
    with (Path(folder.name) / _LOG).open("wb") as log:
        keeper = subprocess.Popen(  # noqa: S603 - the operator's command, and words of ours
            [sys.executable, "-I", str(_KEEPER), *line],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
    return _Run(keeper, folder)


class Loads:
    """Starts loads, tells of the last one, and stops it. Threads may share it.

    Args:
        command: what starts load tests; empty where nothing does.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._lock = Lock()
        self._run: _Run | None = None
        self._last: Look | None = None

    @property
    def can_start(self) -> bool:
        """Whether there is anything that starts load tests."""
        return bool(self._command)

    def start(
        self, scenario: str, seconds: int, url: str, credentials: Mapping[str, str], inherited: Mapping[str, str]
    ) -> None:
        """Start a load.

        Args:
            scenario: one of `SCENARIOS`.
            seconds: how long users come.
            url: of the gateway.
            credentials: environment that names a key, which is told in no other way.
            inherited: the environment of the console.

        Raises:
            LoadRefused: one runs already, or it cannot be started.
        """
        with self._lock:
            if self._settled() is not None:
                raise LoadRefused("a load runs already; wait for its end, or stop it")
            folder = TemporaryDirectory(prefix="pulmo-console-load-", ignore_cleanup_errors=True)
            place = Path(folder.name)
            try:
                line = command_line(self._command, scenario, seconds, url, place)
                self._run = _begin(line, environment(inherited, credentials, place), folder)
            except (LoadRefused, OSError) as error:
                folder.cleanup()
                raise LoadRefused(f"the load cannot be started: {error}") from error
            self._last = Look(scenario, seconds, "running", [])

    def look(self) -> Look | None:
        """Return what is known of the load that runs, or of the last one; None where there was none."""
        with self._lock:
            self._settled()
            return self._last

    def stop(self) -> None:
        """End the load that runs, at once and with all its processes."""
        with self._lock:
            run = self._settled()
            if run is not None:
                run.stop()
                self._settled()

    def _settled(self) -> "_Run | None":
        """Note how the load is, and return it while it runs."""
        if self._run is not None and self._last is not None:
            self._last = self._run.look(self._last.scenario, self._last.seconds)
            if self._last.state != "running":
                self._run.forget()
                self._run = None
        return self._run
