"""Asks a server for the facts about it, over gRPC, and over HTTP where it has REST."""

import re
import urllib.error
import urllib.request
from collections.abc import Mapping

import grpc
import msgspec
import numpy as np

from proto import tfserving_pb2 as pb
from proto.methods import GET_MODEL_STATUS, PREDICT, Method, RequestT, ResponseT
from serving.doctor.facts import Input, Server, Status, Use
from serving.tensors import dtype_of, to_array, to_tensor

METRICS = "/monitoring/prometheus/metrics"
_TIMEOUT = 10.0
_PROBE_TIMEOUT = 60.0
_UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
_AGE = re.compile(r"^pulmo_serving_last_poll_age_seconds\{model_name=\"(.*)\"\} (\S+)$", re.MULTILINE)


class _Manifest(msgspec.Struct, frozen=True):
    labels: tuple[str, ...]


def ask_server(target: str, rest: str, use: Use, inputs: Mapping[int, Input]) -> Server:
    """Ask the server at `target`, and at the URL `rest` if that is not empty; `inputs` of versions are from the store.

    One batch of the largest size in use is sent, zeros, to the newest version whose input is known.
    """
    with grpc.insecure_channel(target, options=_UNLIMITED) as channel:
        try:
            statuses = _statuses(channel, use.model)
        except grpc.RpcError as error:
            return Server(target, problem=_text(error))
        available = [status.number for status in statuses if status.state == "AVAILABLE"]
        labels = {number: _described(channel, use.model, number) for number in available}
        probed = next(((number, inputs[number]) for number in available if number in inputs), None)
        problem, size = ("", 0) if probed is None else _probe(channel, use, *probed)
    server = Server(target, "", statuses, labels, probe_problem=problem, probe_bytes=size)
    return _ask_rest(server, rest.rstrip("/"), use.model) if rest else server


def poll_age(metrics: str, model: str) -> float | None:
    """Return how long ago, by the server's metrics, the base path could be read; None where they do not say."""
    return next((float(age) for name, age in _AGE.findall(metrics) if name == model), None)


def _call(channel: grpc.Channel, method: Method[RequestT, ResponseT], request: RequestT, timeout: float) -> ResponseT:
    ask = channel.unary_unary(
        method.path,
        request_serializer=method.request.SerializeToString,
        response_deserializer=method.response.FromString,
    )
    response: ResponseT = ask(request, timeout=timeout)
    return response


def _statuses(channel: grpc.Channel, model: str) -> list[Status]:
    request = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name=model))
    reply = _call(channel, GET_MODEL_STATUS, request, _TIMEOUT)
    found = []
    for status in reply.model_version_status:
        failure = status.status.error_message if status.status.error_code else ""
        found.append(Status(status.version, pb.ModelVersionStatus.State.Name(status.state), failure))
    return found


def _asking(model: str, version: int, signature: str) -> pb.PredictRequest:
    request = pb.PredictRequest(model_spec=pb.ModelSpec(name=model, signature_name=signature))
    request.model_spec.version.value = version
    return request


def _described(channel: grpc.Channel, model: str, version: int) -> tuple[str, ...] | None:
    try:
        reply = _call(channel, PREDICT, _asking(model, version, "describe"), _TIMEOUT)
        text = bytes(to_array(reply.outputs["manifest"]).reshape(-1)[0])
        return msgspec.json.decode(text, type=_Manifest).labels
    except (grpc.RpcError, ValueError, IndexError):
        return None


def _probe(channel: grpc.Channel, use: Use, version: int, taken: Input) -> tuple[str, int]:
    """Send a batch of the largest size, and return why it was not answered, or nothing, and how large it was."""
    dtype = dtype_of(taken.dtype)
    if dtype is None or dtype.hasobject or any(size < 0 for size in taken.shape[1:]):
        return "", 0
    request = _asking(use.model, version, "")
    request.inputs[taken.alias].CopyFrom(to_tensor(np.zeros((use.max_batch, *taken.shape[1:]), dtype), as_content=True))
    try:
        _call(channel, PREDICT, request, _PROBE_TIMEOUT)
    except grpc.RpcError as error:
        return _text(error), request.ByteSize()
    return "", request.ByteSize()


def _ask_rest(server: Server, url: str, model: str) -> Server:
    problem, _ = _get(f"{url}/v1/models/{model}")
    if problem:
        return server._replace(rest=url, rest_problem=problem)
    problem, metrics = _get(f"{url}{METRICS}")
    return server._replace(rest=url, metrics_problem=problem, poll_age=poll_age(metrics, model))


def _get(url: str) -> tuple[str, str]:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as reply:  # noqa: S310 - the scheme was checked
            return "", reply.read().decode(errors="replace")
    except urllib.error.URLError as error:
        return f"{url}: {error.reason}", ""
    except OSError as error:
        return f"{url}: {error}", ""


def _text(error: grpc.RpcError) -> str:
    return f"{error.code().name}: {error.details()}"
