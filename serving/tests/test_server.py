"""The gRPC server around a model in memory: who is let in, what is done for whom, and how it ends."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import numpy as np
import pytest

from proto.methods import PREDICT
from serving.configuration import Rules, one_model
from serving.models import Models
from serving.server import listening
from serving.services import Servicer
from serving.tests.memory import MemoryModel, MemoryStore, request
from serving.versions import Versions
from tests.processes import eventually


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for a Unix socket."""
    with TemporaryDirectory(prefix="pulmo-") as name:
        yield Path(name)


class Peer:
    """A server with one thread for calls, and a client of it."""

    def __init__(self, folder: Path, channel: grpc.Channel) -> None:
        store = MemoryStore(folder / "lung")
        store.add(1)
        self.models = Models(store.load, Rules(), start=Versions.refresh)
        self.models.configure(one_model("lung", str(store.base_path)))
        self.model: MemoryModel = store.models[1]
        self.server = ExitStack()
        self.predict = channel.unary_unary(
            PREDICT.path,
            request_serializer=PREDICT.request.SerializeToString,
            response_deserializer=PREDICT.response.FromString,
        )

    def listen(self, target: str, *, as_content: bool = False) -> None:
        servicer = Servicer(self.models, as_content=as_content)
        self.server.enter_context(listening(servicer, [target], threads=1, grace=30, health=True))

    def outcome(self) -> tuple[grpc.StatusCode, str | None]:
        """Return how a call ends now: its code and text."""
        call = self.predict.future(request(1), timeout=30)
        return call.code(), call.details()


@pytest.fixture
def target(folder: Path) -> str:
    return f"unix:{folder / 's'}"


@pytest.fixture
def peer(folder: Path, target: str) -> Iterator[Peer]:
    with grpc.insecure_channel(target) as channel:
        peer = Peer(folder, channel)
        with peer.server:
            yield peer
            peer.model.gate.set()


def test_a_call_is_refused_at_once_while_all_threads_are_busy(peer: Peer, target: str) -> None:
    peer.listen(target)
    peer.model.gate.clear()
    first = peer.predict.future(request(1), wait_for_ready=True)
    assert peer.model.started.acquire(timeout=30)

    assert peer.outcome() == (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")

    peer.model.gate.set()
    assert first.result(timeout=30).outputs["double"].float_val == [2]
    assert peer.model.runs == 1


def test_a_call_whose_deadline_has_passed_does_not_reach_the_model(peer: Peer, target: str) -> None:
    peer.listen(target)
    peer.model.lookup.clear()
    with pytest.raises(grpc.RpcError) as caught:
        peer.predict(request(1), timeout=0.3, wait_for_ready=True)
    peer.model.lookup.set()

    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    eventually(lambda: peer.outcome()[0] == grpc.StatusCode.OK, within=30, what="the thread is free again")
    assert peer.model.runs == 1


def test_at_the_end_running_calls_finish_and_new_ones_are_not_taken(peer: Peer, target: str) -> None:
    peer.listen(target)
    peer.model.gate.clear()
    running = peer.predict.future(request(1), wait_for_ready=True)
    assert peer.model.started.acquire(timeout=30)

    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(peer.server.close)
        eventually(lambda: peer.outcome()[0] == grpc.StatusCode.UNAVAILABLE, within=30, what="new calls are not taken")
        assert not running.done()
        peer.model.gate.set()
        assert running.result(timeout=30).outputs["double"].float_val == [2]
        closing.result(timeout=30)


def test_a_failure_of_the_model_is_told_with_its_code(peer: Peer, target: str) -> None:
    peer.listen(target)
    with pytest.raises(grpc.RpcError, match="x holds NaN") as caught:
        peer.predict(request(float("nan")), timeout=30, wait_for_ready=True)

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_outputs_are_written_as_content_on_demand(peer: Peer, target: str) -> None:
    peer.listen(target, as_content=True)
    output = peer.predict(request(1, 2), timeout=30, wait_for_ready=True).outputs["double"]

    assert (list(output.float_val), output.tensor_content) == ([], np.array([2, 4], "<f4").tobytes())


def test_an_address_that_cannot_be_had_is_named(peer: Peer, folder: Path) -> None:
    with pytest.raises(OSError, match=r"cannot listen on unix:.*nowhere"):
        peer.listen(f"unix:{folder / 'nowhere' / 's'}")
