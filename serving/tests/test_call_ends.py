"""How calls end, each method in each way; whatever way it was, the server answers the next one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from serving.tests.official import (
    Official,
    Untyped,
    connected,
    metadata_request,
    signature_request,
    status_request,
)
from tests.modelserver import MODEL, ModelServer, serving
from tests.processes import eventually


def predict(client: Official) -> tuple[Untyped, Untyped]:
    return client.prediction.Predict, signature_request("describe")


def metadata(client: Official) -> tuple[Untyped, Untyped]:
    return client.prediction.GetModelMetadata, metadata_request("signature_def")


def status(client: Official) -> tuple[Untyped, Untyped]:
    return client.model.GetModelStatus, status_request()


def reload(client: Official, store: Path) -> tuple[Untyped, Untyped]:
    request = ReloadConfigRequest()
    request.config.model_config_list.config.add(name=MODEL, base_path=str(store), model_platform="tensorflow")
    return client.model.HandleReloadConfigRequest, request


METHODS = ("Predict", "GetModelMetadata", "GetModelStatus", "HandleReloadConfigRequest")
REFUSED = {
    "Predict": PredictRequest(),
    "GetModelMetadata": GetModelMetadataRequest(),
    "GetModelStatus": GetModelStatusRequest(),
    "HandleReloadConfigRequest": ReloadConfigRequest(),
}


class Method:
    """One method of a server, with a request that it answers."""

    def __init__(self, name: str, client: Official, server: ModelServer) -> None:
        makers: dict[str, Callable[[], tuple[Untyped, Untyped]]] = {
            "Predict": lambda: predict(client),
            "GetModelMetadata": lambda: metadata(client),
            "GetModelStatus": lambda: status(client),
            "HandleReloadConfigRequest": lambda: reload(client, server.store),
        }
        self.call, self.request = makers[name]()
        self.refused = REFUSED[name]

    def answers(self) -> bool:
        return bool(self.call(self.request, timeout=30, wait_for_ready=True).IsInitialized())


@pytest.fixture(scope="module")
def server(toy_store: Path, program: str) -> Iterator[ModelServer]:
    with serving(toy_store, program=program) as server:
        yield server


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest, server: ModelServer) -> Iterator[Method]:
    with connected(server.target) as client:
        yield Method(request.param, client, server)


def _is_stopped(process: psutil.Process) -> bool:
    threads = (psutil.Process(thread.id) for thread in process.threads())
    return all(thread.status() == psutil.STATUS_STOPPED for thread in threads)


@contextmanager
def frozen(server: ModelServer) -> Iterator[None]:
    """Stop a server, with its children, for the length of a block: nothing is answered meanwhile."""
    process = psutil.Process(server.process.pid)
    family = [process, *process.children(recursive=True)]
    for member in family:
        member.suspend()
    try:
        eventually(lambda: all(map(_is_stopped, family)), within=30, what="every thread has stopped")
        yield
    finally:
        for member in family:
            member.resume()


def test_a_call_ends_with_an_answer(method: Method) -> None:
    assert method.answers()


def test_a_call_ends_when_its_client_cancels_it(method: Method, server: ModelServer) -> None:
    assert method.answers()
    with frozen(server):
        call = method.call.future(method.request)
        call.cancel()

    assert call.code() == grpc.StatusCode.CANCELLED
    assert method.answers()


def test_a_call_ends_with_its_deadline(method: Method, server: ModelServer) -> None:
    assert method.answers()
    with frozen(server), pytest.raises(grpc.RpcError) as caught:
        method.call(method.request, timeout=0.2)

    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert method.answers()


def test_a_call_ends_with_an_error(method: Method) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        method.call(method.refused, timeout=30)

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert method.answers()


@pytest.mark.parametrize("name", METHODS)
def test_a_call_ends_with_the_server(toy_store: Path, program: str, name: str) -> None:
    with serving(toy_store, program=program) as server, connected(server.target) as client:
        method = Method(name, client, server)
        assert method.answers()
        server.process.terminate()
        server.process.wait(30)

        with pytest.raises(grpc.RpcError) as caught:
            method.call(method.request, timeout=30)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE

        with serving(toy_store, socket=server.socket, program=program):
            assert method.answers()
