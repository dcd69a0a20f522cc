"""The real server as a child: which ones are accepted, how they are ended, and what their end means."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from serving.binary import command, judge, judge_version
from serving.tests.standin import stand_in
from tests.processes import PYTHON, ROOT, eventually

WAITS = 'echo "ready $$"; while :; do sleep 0.05; done'
DEAF = f"trap '' TERM INT; {WAITS}"


@contextmanager
def child_of(body: str, folder: Path, *, grace: float = 10) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Run `serving.binary.run` with a stand-in as a process, and lend it and the stand-in's pid once that is ready."""
    binary = stand_in(folder, body) / "tensorflow_model_server"
    code = (
        "import sys; from serving.binary import run; "
        f"ended = run([{str(binary)!r}], grace={grace}, say=lambda line: print(line, file=sys.stderr)); "
        "print(ended.sentence, file=sys.stderr); sys.exit(ended.status)"
    )
    with subprocess.Popen(
        [PYTHON, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline().split()[1])
        try:
            yield process, pid
        finally:
            process.kill()
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)


def serve(body: str, folder: Path, *, tensorflow: str = "2.21.0") -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PATH": f"{stand_in(folder, body, tensorflow=tensorflow)}:{os.environ['PATH']}"}
    argv = [PYTHON, "-m", "serving", "--model_base_path=/m"]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on_and_the_end_that_follows_is_no_failure(number: signal.Signals, tmp_path: Path) -> None:
    with child_of(WAITS, tmp_path, grace=600) as (process, pid):
        process.send_signal(number)

        assert process.wait(30) == 0
        assert not psutil.pid_exists(pid)


def test_a_server_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    with child_of(DEAF, tmp_path, grace=0.3) as (process, pid):
        process.terminate()

        _, told = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "did not end within 0.3 s of a signal (serving#1853) and is killed" in told
        assert not psutil.pid_exists(pid)


def test_a_server_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    with child_of(DEAF, tmp_path) as (process, pid):
        process.kill()
        process.wait(30)

        eventually(lambda: not psutil.pid_exists(pid), within=10, what="the child has gone")


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        pytest.param("kill -SEGV $$", 139, "was ended by SIGSEGV; its messages are above", id="a crash"),
        pytest.param("kill -KILL $$", 137, "was ended by SIGKILL: the system may be out of memory", id="out of memory"),
        pytest.param("exit 255", 255, "Likely causes: a model did not become available, a port", id="a failure"),
    ],
)
def test_an_end_of_its_own_is_explained(body: str, status: int, told: str, tmp_path: Path) -> None:
    done = serve(body, tmp_path)

    assert done.returncode == status
    assert told in done.stderr


def test_a_server_that_is_too_old_is_not_started(tmp_path: Path) -> None:
    done = serve("echo started", tmp_path, tensorflow="2.8.0")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"serving: {tmp_path}/tensorflow_model_server has TensorFlow 2.8; 2.17 or newer is needed, which knows "
        "--mixed_precision: install a newer one, or serve with --embedded\n"
    )


def test_a_server_older_than_what_exports_is_warned_of_and_started(tmp_path: Path) -> None:
    done = serve("echo started", tmp_path, tensorflow="2.19.1")

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "started")
    assert "has TensorFlow 2.19, and versions are exported by 2.21" in done.stderr


@pytest.mark.parametrize(
    "told", ["TensorFlow ModelServer: 2.21.0\nTensorFlow Library: 2.21.0\n", "\nTensorFlow Library: 3.0.1"]
)
def test_a_server_as_new_as_what_exports_is_fine(told: str) -> None:
    assert judge_version("tfs", told) == ("", "")


def test_a_server_that_does_not_tell_is_warned_of() -> None:
    assert judge_version("tfs", "usage: ...") == (
        "",
        "tfs --version does not tell its TensorFlow; 2.17 or newer is needed",
    )


def test_a_server_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    assert "cannot be run: " in judge(str(tmp_path / "none")).refusal


def test_loads_have_a_thread_unless_the_command_line_says_otherwise() -> None:
    assert command("tfs", ["--port=1"], []) == ["tfs", "--port=1", "--num_load_threads=1"]
    assert command("tfs", [], ["--num_load_threads=4"]) == ["tfs", "--num_load_threads=4"]
