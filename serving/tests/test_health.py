"""gRPC's health checks of a server with a model in memory."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest

from proto import tfserving_pb2 as pb
from proto.methods import HEALTH_CHECK, HEALTH_WATCH, PREDICT, Method
from serving.configuration import Rules, one_model
from serving.models import Models
from serving.server import listening
from serving.services import Servicer
from serving.tests.memory import MemoryModel, MemoryStore, request
from serving.versions import Versions

SERVING, NOT_SERVING, UNKNOWN = (
    pb.HealthCheckResponse.SERVING,
    pb.HealthCheckResponse.NOT_SERVING,
    pb.HealthCheckResponse.SERVICE_UNKNOWN,
)


def codec(method: Method[Any, Any]) -> dict[str, Any]:
    return {
        "request_serializer": method.request.SerializeToString,
        "response_deserializer": method.response.FromString,
    }


class Peer:
    """A server with one thread for calls that answers health checks, unless told not to, and a client of it."""

    def __init__(self, folder: Path, channel: grpc.Channel, *, health: bool = True) -> None:
        store = MemoryStore(folder / "lung")
        store.add(1)
        models = Models(store.load, Rules(), start=Versions.refresh)
        models.configure(one_model("lung", str(store.base_path)))
        self.model: MemoryModel = store.models[1]
        self.server = ExitStack()
        servicer = Servicer(models, as_content=False)
        target = f"unix:{folder / 's'}"
        self.server.enter_context(listening(servicer, [target], threads=1, grace=30, health=health))
        self._check = channel.unary_unary(HEALTH_CHECK.path, **codec(HEALTH_CHECK))
        self._watch = channel.unary_stream(HEALTH_WATCH.path, **codec(HEALTH_WATCH))
        self.predict = channel.unary_unary(PREDICT.path, **codec(PREDICT))

    def check(self, service: str = "") -> int:
        return int(self._check(pb.HealthCheckRequest(service=service), timeout=30, wait_for_ready=True).status)

    def watch(self, service: str = "") -> Any:  # noqa: ANN401 - a call that is an iterator too
        return self._watch(pb.HealthCheckRequest(service=service), timeout=60, wait_for_ready=True)


def first(watcher: Any) -> object:  # noqa: ANN401 - a call that is an iterator too
    """Return the first status that a watcher hears, or the code with which it is refused."""
    try:
        return next(watcher).status
    except grpc.RpcError:
        return watcher.code()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for a Unix socket."""
    with TemporaryDirectory(prefix="pulmo-") as name:
        yield Path(name)


@pytest.fixture
def channel(folder: Path) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"unix:{folder / 's'}") as channel:
        yield channel


@pytest.fixture
def peer(folder: Path, channel: grpc.Channel) -> Iterator[Peer]:
    peer = Peer(folder, channel)
    with peer.server:
        yield peer
        peer.model.gate.set()


@pytest.mark.parametrize("service", ["", "ModelService", "PredictionService"])
def test_a_server_that_takes_calls_is_serving(peer: Peer, service: str) -> None:
    assert peer.check(service) == SERVING


def test_another_service_is_not_found(peer: Peer) -> None:
    with pytest.raises(grpc.RpcError, match="unknown service") as caught:
        peer.check("tensorflow.serving.PredictionService")

    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert next(peer.watch("other")).status == UNKNOWN


def test_a_busy_server_is_healthy(peer: Peer) -> None:
    peer.model.gate.clear()
    running = peer.predict.future(request(1), wait_for_ready=True)
    assert peer.model.started.acquire(timeout=30)

    assert peer.check() == SERVING
    assert not running.done()


def test_a_watcher_hears_that_the_server_drains_and_does_not_hold_it_up(peer: Peer) -> None:
    watcher = peer.watch()
    assert next(watcher).status == SERVING
    peer.server.close()

    assert [response.status for response in watcher] == [NOT_SERVING]


def test_watchers_leave_room_for_checks_and_calls(peer: Peer) -> None:
    firsts = [first(peer.watch()) for _ in range(20)]

    assert set(firsts) == {SERVING, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert peer.check() == SERVING
    assert peer.predict(request(1), timeout=30).outputs["double"].float_val == [2]


def test_without_the_flag_there_is_no_such_service(folder: Path, channel: grpc.Channel) -> None:
    peer = Peer(folder, channel, health=False)
    with peer.server, pytest.raises(grpc.RpcError) as caught:
        peer.check()

    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
