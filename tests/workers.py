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
    """Wait until so many workers answer: each has its part of the places."""
    eventually(
        lambda: len(workers_of(gateway)) == count and gateway.total("gateway_concurrency_limit") == LIMIT,
        within=60,
        what=f"{count} workers answer",
    )


def workers_of(gateway: Gateway) -> list[psutil.Process]:
    """Return the workers that live."""
    children = psutil.Process(gateway.running.process.pid).children()
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
