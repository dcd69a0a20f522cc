"""Processes that outlive the one that started them."""

import os
import signal
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from gateway.jobs import processes
from tests.processes import eventually

WAIT = [sys.executable, "-c", "import signal; print('there', flush=True); signal.pause()"]


def test_a_process_is_known_steps_back_and_is_ended(tmp_path: Path) -> None:
    """It is the program itself, in a session of its own; it is nice, in its scheduling group too; it heeds SIGTERM."""
    child = processes.start(tmp_path / "job", WAIT, dict(os.environ))
    eventually(lambda: processes.tail(tmp_path / "job" / "events", 100) == b"there\n", within=30, what="it runs")
    process = processes.find(tmp_path / "job")
    assert process is not None
    alive = processes.is_alive(process)
    nice, session = psutil.Process(process.pid).nice(), os.getsid(process.pid)
    group = Path(f"/proc/{process.pid}/autogroup")
    described = group.read_text() if group.exists() else "nice 19"
    processes.tell_to_end(tmp_path / "job", process)
    status = child.wait(30)

    assert (process.pid, session) == (child.pid, child.pid)
    assert alive
    assert nice == 19
    assert "nice 19" in described
    assert status == -signal.SIGTERM
    assert not processes.is_alive(process)


def test_a_number_that_was_given_to_another_process_is_not_taken_for_it(tmp_path: Path) -> None:
    """It is not alive, and no signal is sent to the stranger."""
    child = processes.start(tmp_path / "job", WAIT, dict(os.environ))
    eventually(lambda: processes.find(tmp_path / "job") is not None, within=30, what="it runs")
    process = processes.find(tmp_path / "job")
    assert process is not None
    other = msgspec.structs.replace(process, started=process.started + 1)
    processes.tell_to_end(tmp_path / "job", other)
    processes.kill(other)
    alive = (processes.is_alive(other), processes.is_alive(process))
    processes.kill(process)

    assert alive == (False, True)
    assert child.wait(30) == -signal.SIGKILL


def test_a_process_that_ended_is_not_alive_although_nobody_has_waited_for_it(tmp_path: Path) -> None:
    """A zombie still has its number and its start."""
    child = processes.start(tmp_path / "job", ["true"], dict(os.environ))
    eventually(lambda: processes.find(tmp_path / "job") is not None, within=30, what="it has run")
    process = processes.find(tmp_path / "job")
    assert process is not None
    eventually(lambda: not processes.is_alive(process), within=30, what="it has ended")

    assert child.wait(30) == 0


def test_a_folder_that_is_there_is_not_used(tmp_path: Path) -> None:
    """No two processes write into one folder."""
    with pytest.raises(FileExistsError):
        processes.start(tmp_path, ["true"], {})


def test_the_tail_of_a_file_is_whole_lines(tmp_path: Path) -> None:
    """Bounded, and readable; of no file it is nothing."""
    (tmp_path / "log").write_bytes(b"one\ntwo\nthree\n")

    assert processes.tail(tmp_path / "log", 100) == b"one\ntwo\nthree\n"
    assert processes.tail(tmp_path / "log", 8) == b"three\n"
    assert processes.tail(tmp_path / "none", 8) == b""
