"""The embedded model server as a process of its own, for tests."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc

from proto import tfserving_pb2 as pb
from proto.methods import GET_MODEL_STATUS
from tests.processes import PYTHON, Running, running

MODEL = "lung"
EMBEDDED, REAL = "the embedded server", "tensorflow_model_server"


@dataclass(frozen=True)
class ModelServer:
    """A model server that was available when the test got it."""

    target: str
    """The gRPC address, `unix:<path>`."""
    store: Path
    """The base path that it watches."""
    running: Running

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process."""
        return self.running.process

    @property
    def socket(self) -> Path:
        """The file of its Unix socket."""
        return Path(self.target.removeprefix("unix:"))


@contextmanager
def serving(store: Path, *flags: str, socket: Path | None = None, program: str = EMBEDDED) -> Iterator[ModelServer]:
    """Run a model server for the base path `store`, looked at ten times a second; `flags` come last and win.

    It listens on `socket`, or on one of its own. Where `program` is `REAL`, that is what runs, which looks at the store
    once a second.
    """
    with TemporaryDirectory(prefix="pulmo-") as folder:
        socket = socket or Path(folder) / "s"
        target = f"unix:{socket}"
        command = [
            *(PYTHON, "-m", "serving", f"--embedded={str(program == EMBEDDED).lower()}", "--port=0"),
            f"--grpc_socket_path={socket}",
            *(f"--model_name={MODEL}", f"--model_base_path={store}", "--file_system_poll_wait_seconds=0.1", *flags),
        ]
        log = Path(folder) / "log"
        with running(command, log=log, ready=lambda: socket.exists() and _answers(target)) as process:
            yield ModelServer(target, store, process)


def keep_newest(store: Path, count: int, folder: Path) -> str:
    """Return the flag by which a server keeps the `count` newest versions of `store`; its file is written to `folder`.

    The server keeps the newest one alone without it.
    """
    policy = f"model_version_policy {{ latest {{ num_versions: {count} }} }}"
    model = f'config {{ name: "{MODEL}" base_path: "{store}" model_platform: "tensorflow" {policy} }}'
    file = folder / "models.config"
    file.write_text(f"model_config_list {{ {model} }}\n")
    return f"--model_config_file={file}"


def _answers(target: str) -> bool:
    """Return whether the server says that its model is available."""
    with grpc.insecure_channel(target) as channel:
        ask = channel.unary_unary(
            GET_MODEL_STATUS.path,
            request_serializer=GET_MODEL_STATUS.request.SerializeToString,
            response_deserializer=GET_MODEL_STATUS.response.FromString,
        )
        try:
            reply = ask(pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name=MODEL)), timeout=5)
        except grpc.RpcError:
            return False
    return any(status.state == pb.ModelVersionStatus.AVAILABLE for status in reply.model_version_status)
