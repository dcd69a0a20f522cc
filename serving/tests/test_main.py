"""`python -m serving` as a process: which server it becomes, what it refuses, and how it ends."""

import os
import signal
import subprocess
from importlib.metadata import version
from pathlib import Path

import grpc
import pytest

from proto import tfserving_pb2 as pb
from proto.methods import PREDICT
from tests.modelserver import MODEL, serving
from tests.processes import PYTHON, ROOT, eventually

ROUNDS = 300_000


def run(*argv: str, path: Path | None = None, code: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else None
    command = [PYTHON, "-c", code] if code else [PYTHON, "-m", "serving", *argv]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Return a folder with a `tensorflow_model_server` that prints how it was called."""
    binary = tmp_path / "tensorflow_model_server"
    binary.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    binary.chmod(0o755)
    return tmp_path


def test_the_real_server_takes_over_where_it_is_installed(real: Path) -> None:
    flags = ["--model_name", "lung", "--model_base_path=/m", "--port=8500", "--rest_api_port=8501"]
    done = run(*flags, "--grpc_max_threads=3", path=real)

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"serving lung with {real}/tensorflow_model_server",
        *("--grpc_max_threads=3", "--rest_api_port=8501", "--model_name=lung", "--model_base_path=/m"),
    ]


def test_embedded_never_hands_over(real: Path) -> None:
    done = run("--embedded", "--model_base_path=/m", "--enable_profiler=true", path=real)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "serving: --enable_profiler=true is refused: the embedded server has no such flag; see --help\n"
    )


def test_the_version_is_told() -> None:
    done = run("--embedded", "--version")

    assert (done.returncode, done.stdout) == (0, f"Pulmo's embedded model server {version('pulmo')}\n")


def test_a_flag_that_cannot_be_used_ends_with_status_2() -> None:
    done = run("--embedded", "--model_base_path=/m", "--port=-1")

    assert (done.returncode, done.stderr) == (
        2,
        "serving: --port=-1 is refused: expected `int` >= 0; see --help\n",
    )


def test_nothing_but_loading_a_version_imports_tensorflow() -> None:
    done = run(code="import sys, serving.__main__; sys.exit('tensorflow' in sys.modules)")

    assert done.returncode == 0, done.stderr


def test_a_signal_ends_a_server_that_waits_for_its_first_version(tmp_path: Path) -> None:
    command = [PYTHON, "-m", "serving", "--embedded", f"--model_base_path={tmp_path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert process.wait(30) == 0


def test_sigterm_lets_a_running_call_finish(toy_store: Path) -> None:
    """
    With one thread for calls, a refused call proves that another one is running.
    """
    spin = pb.PredictRequest(model_spec=pb.ModelSpec(name=MODEL, signature_name="spin"))
    spin.inputs["rounds"].CopyFrom(pb.Tensor(dtype=pb.DT_INT32, int_val=[ROUNDS]))
    describe = pb.PredictRequest(model_spec=pb.ModelSpec(name=MODEL, signature_name="describe"))
    with serving(toy_store, "--grpc_max_threads=1") as server, grpc.insecure_channel(server.target) as channel:
        predict = channel.unary_unary(
            PREDICT.path,
            request_serializer=PREDICT.request.SerializeToString,
            response_deserializer=PREDICT.response.FromString,
        )
        calls = [predict.future(spin)]

        def is_running() -> bool:
            if calls[-1].done():  # it came while the probe below had the thread
                calls.append(predict.future(spin))
            return predict.future(describe).code() == grpc.StatusCode.RESOURCE_EXHAUSTED

        eventually(is_running, within=60, what="the call is running")
        server.process.send_signal(signal.SIGTERM)

        assert calls[-1].result(timeout=30).outputs["turned"].int_val == [ROUNDS]
        assert server.process.wait(30) == 0
        assert not server.socket.exists()
