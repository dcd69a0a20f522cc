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
    """Run a gateway like `serving_gateway`, with several workers; all of them answer when the block begins."""
    with serving_gateway(target, folder, workers=str(workers), **settings) as gateway:
        wait_for_workers(gateway, workers)
        yield gateway


def wait_for_workers(gateway: Gateway, count: int = 2) -> None:
    """Wait until so many workers can predict: each has its part of the places, and a version that is ready."""

    def all_can() -> bool:
        places, ready = gateway.total("gateway_concurrency_limit"), gateway.total("gateway_backend_ready")
        return len(workers_of(gateway)) == count and places == LIMIT and ready == 1  # the worst of them

    eventually(all_can, within=60, what=f"{count} workers can predict")


def workers_of(gateway: Gateway) -> list[psutil.Process]:
    """Return the workers that live."""
    children = psutil.Process(gateway.running.process.pid).children()
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
