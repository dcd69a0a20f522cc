"""Loads give way to calls, and to nobody where that could hold everybody up."""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from serving.errors import ServingError
from serving.givingway import GivingWay, is_idle
from serving.tests.memory import MemoryModel
from tests.processes import eventually

PATH = Path("1")


class Load:
    """A load that notes how the thread that it runs in is ranked."""

    def __init__(self) -> None:
        self.ranks: list[int] = []
        self.fails = False

    def __call__(self, _: Path) -> MemoryModel:
        self.ranks.append(os.sched_getscheduler(threading.get_native_id()))
        if self.fails:
            raise ServingError(grpc.StatusCode.DATA_LOSS, "it is broken")
        return MemoryModel()


def test_loads_after_the_first_give_way() -> None:
    """The first starts the threads that calls are computed with."""
    load = Load()
    loads = GivingWay(load, lambda: True)
    for _ in range(3):
        loads(PATH)

    assert load.ranks == [os.SCHED_OTHER, os.SCHED_IDLE, os.SCHED_IDLE]


def test_no_load_gives_way_before_one_has_succeeded() -> None:
    load = Load()
    loads = GivingWay(load, lambda: True)
    load.fails = True
    with pytest.raises(ServingError, match="it is broken"):
        loads(PATH)
    load.fails = False
    loads(PATH)

    assert load.ranks == [os.SCHED_OTHER, os.SCHED_OTHER]


def test_on_a_busy_machine_no_load_gives_way() -> None:
    load = Load()
    loads = GivingWay(load, lambda: False)
    for _ in range(2):
        loads(PATH)

    assert load.ranks == [os.SCHED_OTHER, os.SCHED_OTHER]


def test_a_load_that_gave_way_fails_as_any_other() -> None:
    load = Load()
    loads = GivingWay(load, lambda: True)
    loads(PATH)
    load.fails = True
    with pytest.raises(ServingError, match="it is broken"):
        loads(PATH)


def test_who_asks_for_a_load_keeps_its_rank() -> None:
    """A thread cannot leave the lowest rank again."""
    loads = GivingWay(Load(), lambda: True)
    loads(PATH)
    loads(PATH)

    assert os.sched_getscheduler(threading.get_native_id()) == os.SCHED_OTHER


def test_a_machine_whose_cores_all_compute_is_not_idle() -> None:
    stop = threading.Event()
    cores = os.cpu_count() or 1

    def compute() -> None:
        block = bytes(2**24)
        while not stop.is_set():
            hashlib.sha256(block)  # without the GIL

    with ThreadPoolExecutor(cores) as pool:
        for _ in range(cores):
            pool.submit(compute)
        try:
            eventually(lambda: not is_idle(0.5), within=30, what="the machine is busy")
        finally:
            stop.set()
