"""The gRPC transport of the model server: who is let in, and how a call ends."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from proto.methods import (
    GET_MODEL_METADATA,
    GET_MODEL_STATUS,
    HEALTH_CHECK,
    HEALTH_WATCH,
    PREDICT,
    RELOAD_CONFIG,
    Method,
    RequestT,
    ResponseT,
)
from serving.errors import ServingError
from serving.health import Health
from serving.services import Servicer

_REFUSERS = 2
"""Threads kept back to tell callers that all others are busy."""
_WATCHERS = 8
"""Threads for gRPC's health service: a watcher keeps one for as long as it stays."""
_Handlers = dict[str, "grpc.RpcMethodHandler[Any, Any]"]
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]


@contextmanager
def listening(
    servicer: Servicer, addresses: Sequence[str], *, threads: int, grace: float, health: bool = False
) -> Iterator[None]:
    """Serve on `addresses`; at the end take no new calls, and let those that run finish within `grace` seconds.

    `threads` calls run at a time; further ones are refused at once. Messages may be as large as gRPC can carry.
    `health` adds gRPC's health service, which has threads of its own.

    Raises:
        OSError: an address is taken or not allowed.
    """
    others = _REFUSERS + (_WATCHERS if health else 0)
    with ThreadPoolExecutor(threads + others, thread_name_prefix="grpc") as pool:
        server = grpc.server(pool, options=_OPTIONS, maximum_concurrent_rpcs=2 * (threads + others))
        server.add_generic_rpc_handlers(_handlers(servicer, threading.BoundedSemaphore(threads)))
        if health:
            server.add_generic_rpc_handlers((_health_handler(servicer.health),))
        for address in addresses:
            _bind(server, address)
        server.start()
        try:
            yield
        finally:
            servicer.health.drain()
            server.stop(grace).wait()


def _bind(server: grpc.Server, address: str) -> None:
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from error


def _handlers(servicer: Servicer, free: threading.BoundedSemaphore) -> tuple[grpc.GenericRpcHandler, ...]:
    prediction: _Handlers = {
        PREDICT.name: _unary(PREDICT, servicer.predict, free),
        GET_MODEL_METADATA.name: _unary(GET_MODEL_METADATA, servicer.metadata, free),
    }
    model: _Handlers = {
        GET_MODEL_STATUS.name: _unary(GET_MODEL_STATUS, servicer.status, free),
        RELOAD_CONFIG.name: _unary(RELOAD_CONFIG, servicer.reload, free),
    }
    return (
        grpc.method_handlers_generic_handler(PREDICT.service, prediction),
        grpc.method_handlers_generic_handler(GET_MODEL_STATUS.service, model),
    )


def _health_handler(health: Health) -> grpc.GenericRpcHandler:
    """Bind gRPC's health service; of its watchers only as many are let in as there are threads for them."""
    watch = _stream(HEALTH_WATCH, health.watch, threading.BoundedSemaphore(_WATCHERS - 1))
    check = _unary(HEALTH_CHECK, lambda request, _: health.check(request), threading.BoundedSemaphore(_REFUSERS))
    handlers: _Handlers = {HEALTH_CHECK.name: check, HEALTH_WATCH.name: watch}
    return grpc.method_handlers_generic_handler(HEALTH_CHECK.service, handlers)


def _unary(
    method: Method[RequestT, ResponseT],
    answer: Callable[[RequestT, grpc.ServicerContext], ResponseT],
    free: threading.BoundedSemaphore,
) -> "grpc.RpcMethodHandler[RequestT, ResponseT]":
    """Bind a method with one response."""

    def handle(request: RequestT, context: grpc.ServicerContext) -> ResponseT:
        with _admitted(free, context):
            return answer(request, context)

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=method.request.FromString, response_serializer=method.response.SerializeToString
    )


def _stream(
    method: Method[RequestT, ResponseT],
    answer: Callable[[RequestT, grpc.ServicerContext], Iterator[ResponseT]],
    free: threading.BoundedSemaphore,
) -> "grpc.RpcMethodHandler[RequestT, ResponseT]":
    """Bind a method with many responses."""

    def handle(request: RequestT, context: grpc.ServicerContext) -> Iterator[ResponseT]:
        with _admitted(free, context):
            yield from answer(request, context)

    return grpc.unary_stream_rpc_method_handler(
        handle, request_deserializer=method.request.FromString, response_serializer=method.response.SerializeToString
    )


@contextmanager
def _admitted(free: threading.BoundedSemaphore, context: grpc.ServicerContext) -> Iterator[None]:
    """Refuse a call if no thread is free, and turn a ServingError into the status of the call."""
    if not free.acquire(blocking=False):
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
    try:
        yield
    except ServingError as error:
        context.abort(error.code, error.text)
    finally:
        free.release()
