"""Loads as processes: who starts them with what, and that none outlives the console."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dashboard.loads.command import LONGEST_S, SCENARIOS, LoadRefused, command_line, environment, find_command
from dashboard.loads.figures import read_course, read_result
from dashboard.loads.runs import Loads
from dashboard.settings import Settings
from loadtests.load.scenarios import SCENARIOS as THEIRS
from tests.processes import PYTHON, ROOT, eventually
from tests.retraining import is_running

URL = "http://127.0.0.1:9"
HEADER = (
    "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,99%,Total Request Count,Total Failure Count,"
    "Total Median Response Time\n"
)
FAMILY = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); signal.pause()"
with subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE) as process:
    process.stdout.readline()
    print("ready", flush=True)
    signal.pause()
"""
"""A load with a process of its own, neither of which heeds SIGTERM."""
CONSOLE = """
import os, sys
from dashboard.loads.runs import Loads
loads = Loads(sys.argv[1:])
loads.start("baseline", 60, "http://127.0.0.1:9", {}, os.environ)
print("started", flush=True)
sys.stdin.read()
"""
TELLING = """
import json, os, sys
print(json.dumps([sys.argv[1:], {name: value for name, value in os.environ.items() if name.startswith("PULMO_API")}]))
sys.exit(3)
"""


@pytest.fixture
def loads() -> Iterator[Loads]:
    """Loads that run for long."""
    loads = Loads([PYTHON, "-c", FAMILY])
    yield loads
    loads.stop()


def start(loads: Loads, scenario: str = "baseline", seconds: int = 60) -> None:
    loads.start(scenario, seconds, URL, {"PULMO_API_KEY": "pulmo_canary"}, os.environ)


def family_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the keeper, the load and the load's own process, once all are there."""
    eventually(lambda: len(process.children(recursive=True)) >= 3, within=60, what="the load has started a process")
    return process.children(recursive=True)


def state(loads: Loads) -> str:
    look = loads.look()
    assert look is not None
    return look.state


def test_a_load_is_stopped_with_all_that_it_has_started(loads: Loads) -> None:
    """
    Even where its processes do not heed SIGTERM.
    """
    before = psutil.Process().children(recursive=True)
    start(loads)
    eventually(lambda: len(new_since(before)) >= 3, within=60, what="the load has started a process")
    family = new_since(before)

    loads.stop()

    eventually(lambda: not any(map(is_running, family)), within=30, what="no process is left")
    assert state(loads) == "stopped"


def new_since(before: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that were started by this one since, and by those."""
    return [process for process in psutil.Process().children(recursive=True) if process not in before]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda ending: ending.name)
def test_no_load_outlives_the_console(ending: signal.Signals, tmp_path: Path) -> None:
    """
    However the console ends, also where all of its process group is killed.
    """
    console = subprocess.Popen(
        [PYTHON, "-c", CONSOLE, PYTHON, "-c", FAMILY],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with console:
        assert console.stdout is not None
        assert console.stdout.readline() == b"started\n"
        family = family_of(psutil.Process(console.pid))
        os.killpg(console.pid, ending)
        console.wait(30)

    eventually(lambda: not any(map(is_running, family)), within=30, what="no process is left")


def test_one_load_runs_at_a_time(loads: Loads) -> None:
    """
    A second one is refused, and the first one goes on.
    """
    start(loads)

    with pytest.raises(LoadRefused, match="runs already"):
        start(loads, "spike")

    look = loads.look()
    assert look is not None
    assert (look.scenario, look.state) == ("baseline", "running")


def test_a_key_is_told_by_the_environment_alone() -> None:
    """
    The visitor's key and not the console's, and in no argument; a load that fails is told with what it has said.
    """
    loads = Loads([PYTHON, "-c", TELLING])
    inherited = {**os.environ, "PULMO_API_KEY": "pulmo_other", "PULMO_API_KEY_FILE": "other"}
    loads.start("spike", 7, URL, {"PULMO_API_KEY": "pulmo_canary"}, inherited)
    eventually(lambda: state(loads) != "running", within=60, what="it has ended")

    look = loads.look()
    assert look is not None
    assert look.state == "failed"
    arguments, keys = json.loads(look.log)
    assert arguments[:7] == ["run", "spike", "--quick", "7", "--host", URL, "--shared"]
    assert "canary" not in str(arguments)
    assert keys == {"PULMO_API_KEY": "pulmo_canary"}


def test_a_load_leaves_no_files(loads: Loads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Its folder is where the load puts what is temporary, and is gone with it.
    """
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    start(loads)
    during = list(tmp_path.iterdir())

    loads.stop()

    assert len(during) == 1
    assert not list(tmp_path.iterdir())


def test_a_command_that_is_not_there_is_named() -> None:
    """
    As what the load has said; the console lives on.
    """
    loads = Loads(["/nonexistent/load"])
    start(loads)
    eventually(lambda: state(loads) == "failed", within=60, what="it has ended")

    look = loads.look()
    assert look is not None
    assert "/nonexistent/load cannot be started: No such file or directory" in look.log


@pytest.mark.parametrize(
    ("scenario", "seconds"),
    [("soak", 10), ("", 10), ("--help", 10), ("baseline; ls", 10), ("baseline", LONGEST_S + 1), ("baseline", 0)],
)
def test_nothing_but_the_scenarios_is_started(scenario: str, seconds: int, tmp_path: Path) -> None:
    """
    Names are those of a list, and seconds are few.
    """
    with pytest.raises(LoadRefused):
        command_line(["load"], scenario, seconds, URL, tmp_path)


def test_the_scenarios_are_those_of_the_load_tests() -> None:
    """
    With the users that are said to come.
    """
    assert SCENARIOS.keys() <= THEIRS.keys()
    assert all(f"{THEIRS[name].users} users" in text or name == "spike" for name, text in SCENARIOS.items())
    assert [stage.users for stage in THEIRS["spike"].stages] == [10, 500, 10]


def test_what_starts_load_tests_is_found_where_it_is_installed() -> None:
    """
    Without being imported; an interpreter that has no Locust finds nothing, and what was given is taken as it is.
    """
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from dashboard.loads.command import find_command\n"
        "print(find_command((), 'python'), any('locust' in name or 'loadtests' in name for name in sys.modules))"
    )

    def found(*options: str) -> str:
        return subprocess.run([PYTHON, *options, "-c", script], check=True, capture_output=True, text=True).stdout

    assert found().strip() == "('python', '-m', 'loadtests.load') False"
    assert found("-I", "-S").strip() == "() False"
    assert find_command(("my", "load"), "python") == ("my", "load")


def test_the_command_may_be_set() -> None:
    """
    In the shell's words; what is none is refused with its name.
    """
    settings = Settings.from_env({"PULMO_LOAD_COMMAND": "nice 'my load' --x"})

    assert settings.load_command == ("nice", "my load", "--x")
    with pytest.raises(ValueError, match="PULMO_LOAD_COMMAND"):
        Settings.from_env({"PULMO_LOAD_COMMAND": "'open"})


def test_the_environment_of_a_load_has_a_folder_for_what_is_temporary(tmp_path: Path) -> None:
    """
    So that nothing is left behind of one that is killed.
    """
    assert environment({"TMPDIR": "/elsewhere", "HOME": "/h"}, {}, tmp_path) == {"TMPDIR": str(tmp_path), "HOME": "/h"}


def test_the_seconds_of_a_load_are_read_while_they_are_written(tmp_path: Path) -> None:
    """
    Lines of all requests together; half a line is none yet, and where no answer came there is no time.
    """
    folder = tmp_path / "machine"
    folder.mkdir()
    assert read_course(tmp_path, "spike") == []
    (folder / "spike_stats_history.csv").write_text(
        f"{HEADER}100,0,,Aggregated,0.000000,0.000000,N/A,N/A,N/A,0,0,0\n"
        "101,10,POST,/predict,1.000000,0.000000,5,6,7,8,0,9\n"
        "101,10,,Aggregated,12.500000,0.500000,20,30,140,50,2,20\n"
        "101,10,,Aggregated,0.000000,0.000000,0,0,0,50,2,20\n"
        "noise\n"
        "102,10,,Aggregated,12.5"
    )

    course = read_course(tmp_path, "spike")

    assert [(one.at, one.users, one.p50_ms, one.p99_ms) for one in course] == [
        (100.0, 0, None, None),
        (101.0, 10, 20.0, 140.0),
        (101.0, 10, None, None),
    ]
    assert (course[1].per_s, course[1].failed_per_s, course[1].requests, course[1].failed) == (12.5, 0.5, 50, 2)


def test_figures_that_are_none_are_no_result(tmp_path: Path) -> None:
    """
    Half a document, or another one.
    """
    folder = tmp_path / "machine"
    folder.mkdir()
    assert read_result(tmp_path, "spike") is None
    for text in ("", '{"users": 1', '{"users": 1}'):
        (folder / "spike.json").write_text(text)
        assert read_result(tmp_path, "spike") is None
