"""What processes use of the machine."""

from collections.abc import Sequence
from typing import NamedTuple

import psutil


class Usage(NamedTuple):
    """The machine at one moment."""

    cpu_s: float
    """Processor time of the watched processes and their children so far, seconds."""
    own_cpu_s: float
    """That of the load generator."""
    machine_cpu_s: float
    """That of the whole machine."""
    rss_mb: float
    """Resident memory of the watched processes, MiB."""


def look(pids: Sequence[int]) -> Usage:
    """Return what the processes and their descendants use."""
    cpu_s, rss = 0.0, 0
    for process in _trees(pids):
        try:
            with process.oneshot():
                times = process.cpu_times()
                cpu_s += times.user + times.system
                rss += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    own, whole = psutil.Process().cpu_times(), psutil.cpu_times()
    busy = sum(whole) - whole.idle - getattr(whole, "iowait", 0.0) - getattr(whole, "guest", 0.0)
    return Usage(cpu_s, own.user + own.system, busy, rss / 2**20)


def rss_mb(pid: int) -> float:
    """Return the resident memory of one process with its descendants, MiB."""
    return look([pid]).rss_mb


def _trees(pids: Sequence[int]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for pid in pids:
        try:
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found
