"""A gateway of several processes, and its workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.gateways import Gateway, serving_gateway
from tests.processes import eventually

LIMIT = 256  # places in the gateway, if nobody sets another


@contextmanager
def working_together(target: str, folder: Path, workers: int = 2, **settings: str) -> Iterator[Gateway]:
    """Run a gateway like `serving_gateway`, with several workers; all of them answer when the block begins.

    Where it is waited for by another `path` than that of readiness, none need have a model.
    """
    with serving_gateway(target, folder, workers=str(workers), **settings) as gateway:
        wait_for_workers(gateway, workers, predicting="path" not in settings)
        yield gateway


def wait_for_workers(gateway: Gateway, count: int = 2, *, predicting: bool = True) -> None:
    """Wait until so many workers answer: each has its part of the places and, to predict, a version that is ready."""

    def all_answer() -> bool:
        places, ready = gateway.total("gateway_concurrency_limit"), gateway.total("gateway_backend_ready")
        able = ready == 1 or not predicting  # it is the least ready one that is told of
        return len(workers_of(gateway)) == count and places == LIMIT and able

    eventually(all_answer, within=60, what=f"{count} workers answer")


def workers_of(gateway: Gateway) -> list[psutil.Process]:
    """Return the workers that live."""
    children = psutil.Process(gateway.running.process.pid).children()
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
