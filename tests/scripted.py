"""A model server that does as a test tells it, over real gRPC: versions that lie, fail, hang, come and go.

What TensorFlow Serving and the embedded server do by themselves is tested with them; this one stands for the models and
moments that they cannot be brought to at will. It listens in the process of the test.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import numpy as np
from numpy.typing import NDArray

from proto import tfserving_pb2 as pb
from proto.methods import GET_MODEL_STATUS, PREDICT
from tests.toymodel import LABELS, manifest

Answer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From images `[N, H, W, C]` to probabilities `[N, K]`; a ValueError is told as INVALID_ARGUMENT."""


def certain(winner: int) -> Answer:
    """Return a model that is sure of one class, whatever the images `[N, H, W, C]` show."""
    row = np.full(len(LABELS), 0.01, np.float32)
    row[winner] = 1 - 0.01 * (len(LABELS) - 1)
    return lambda images: np.tile(row, (len(images), 1))


@dataclass
class Version:
    """What one version does; a test may change it at any time."""

    answer: Answer
    state: str = "AVAILABLE"
    error: str = ""
    """Why it was not loaded."""
    looks: Answer | None = None
    """Where it looks: from images to heat maps `[N, H, W]`; None has no signature `explain`."""
    manifest: str = field(default_factory=lambda: json.dumps(manifest()))
    fails_with: grpc.StatusCode | None = None
    """How each Predict call ends, the images' and not the manifest's."""
    mute: bool = False
    """It has no signature `describe`."""
    describes: threading.Event = field(default_factory=threading.Event)
    """Set: it describes itself at once. Clear: the call hangs."""
    answers: threading.Event = field(default_factory=threading.Event)
    """Set: it answers at once. Clear: the call hangs."""

    def __post_init__(self) -> None:
        """Let calls through."""
        self.describes.set()
        self.answers.set()


@dataclass
class ScriptedServer:
    """The server: its address, its versions, and what it was asked."""

    target: str
    versions: dict[int, Version]
    calls: list[tuple[int, int]] = field(default_factory=list)
    """Version and number of images of each call, in the order in which they came."""
    cancelled: list[tuple[int, int]] = field(default_factory=list)
    """Those of them whose caller left before the answer."""
    says: threading.Event = field(default_factory=threading.Event)
    """Set: it says at once what versions it has. Clear: the call hangs."""

    def __post_init__(self) -> None:
        """Let calls through."""
        self.says.set()

    def status(self, _request: pb.GetModelStatusRequest, context: grpc.ServicerContext) -> pb.GetModelStatusResponse:
        """ModelService.GetModelStatus."""
        _wait(self.says, context)
        reply = pb.GetModelStatusResponse()
        for number, version in sorted(self.versions.items(), reverse=True):
            entry = reply.model_version_status.add(version=number, state=version.state)
            entry.status.error_message = version.error
        return reply

    def predict(self, request: pb.PredictRequest, context: grpc.ServicerContext) -> pb.PredictResponse:
        """PredictionService.Predict."""
        number = request.model_spec.version.value
        version = self.versions.get(number)
        if version is None or version.state != "AVAILABLE":
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Specific(lung, {number})")
        if request.model_spec.signature_name == "describe":
            return _describe(version, context)
        return self._answer(number, version, request, context)

    def _answer(
        self, number: int, version: Version, request: pb.PredictRequest, context: grpc.ServicerContext
    ) -> pb.PredictResponse:
        tensor = request.inputs["images"]
        shape = [dim.size for dim in tensor.tensor_shape.dim]
        self.calls.append((number, shape[0]))
        _wait(version.answers, context)
        if not context.is_active():
            self.cancelled.append((number, shape[0]))
        explain = version.looks if request.model_spec.signature_name == "explain" else None
        if request.model_spec.signature_name and explain is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "explain" not found.')
        if version.fails_with is not None:
            context.abort(version.fails_with, "as the test has it")
        try:
            images = np.frombuffer(tensor.tensor_content, np.uint8).reshape(shape)
            scores = version.answer(images)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        reply = pb.PredictResponse()
        reply.outputs["probabilities"].CopyFrom(_floats(scores))
        if explain is not None:
            reply.outputs["heatmaps"].CopyFrom(_floats(explain(images)))
        return reply


def _floats(values: NDArray[np.float32]) -> pb.Tensor:
    tensor = pb.Tensor(dtype=pb.DT_FLOAT, tensor_content=np.ascontiguousarray(values).astype("<f4").tobytes())
    tensor.tensor_shape.dim.extend(pb.TensorShape.Dim(size=size) for size in values.shape)
    return tensor


def _describe(version: Version, context: grpc.ServicerContext) -> pb.PredictResponse:
    _wait(version.describes, context)
    if version.mute:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "describe" not found.')
    reply = pb.PredictResponse()
    reply.outputs["manifest"].CopyFrom(pb.Tensor(dtype=pb.DT_STRING, string_val=[version.manifest.encode()]))
    return reply


def _wait(event: threading.Event, context: grpc.ServicerContext) -> None:
    """Wait as long as the caller does."""
    end = time.monotonic() + (context.time_remaining() or 60)
    while not event.wait(0.05) and context.is_active() and time.monotonic() < end:
        pass


@contextmanager
def scripted(**versions: Version) -> Iterator[ScriptedServer]:
    """Serve `v1=Version(...)`, `v2=...` until the block ends."""
    with TemporaryDirectory(prefix="pulmo-") as folder, ThreadPoolExecutor(16) as pool:
        socket = Path(folder) / "s"
        numbered = {int(name.removeprefix("v")): version for name, version in versions.items()}
        script = ScriptedServer(f"unix:{socket}", numbered)
        server = grpc.server(pool)
        for method, answer in ((PREDICT, script.predict), (GET_MODEL_STATUS, script.status)):
            handler = grpc.unary_unary_rpc_method_handler(
                answer,
                request_deserializer=method.request.FromString,
                response_serializer=method.response.SerializeToString,
            )
            handlers = {method.name: handler}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(method.service, handlers),))
        server.add_insecure_port(script.target)
        server.start()
        try:
            yield script
        finally:
            script.says.set()
            for version in script.versions.values():
                version.describes.set()
                version.answers.set()
            server.stop(1).wait()
