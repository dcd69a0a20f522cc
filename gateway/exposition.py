"""What a scrape is told where several processes answer: it reaches one of them, and is told of all.

Counters and histograms are summed, those of workers that have ended included, so that none ever falls. Gauges are
combined as each says, over the workers that live. The state of versions and routes is the same for all workers, but for
the moment in which they learn of it: it is told as the asked worker sees it.
"""

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

_PROC = Path("/proc")
_MAIN_ONLY = "process_start_time_seconds"
_CPU = "process_cpu_seconds"
_STATE, _PARENT = 0, 1  # fields of /proc/PID/stat, counted from the one after the name (`man 5 proc`)
_CHILDREN_CPU = slice(13, 15)  # of those that were waited for, clock ticks
_ENDED = ("Z", "X")
_TRIES = 5  # to read what processes used while none of them ends


class StateGauge(Collector):
    """A gauge whose samples are replaced all together: a series whose labels are not shown any more is gone."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._values: Mapping[tuple[str, ...], float] = {}
        registry.register(self)

    def show(self, values: Mapping[tuple[object, ...], float]) -> None:
        """Show these values from now on, each by its labels, and no others."""
        self._values = {tuple(map(str, labels)): float(value) for labels, value in values.items()}

    def describe(self) -> Iterable[Metric]:
        """Return the metric without samples; the registry sees to it that its name is used once."""
        return [GaugeMetricFamily(self._name, self._documentation, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        """Return the metric."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, value in self._values.items():
            family.add_metric(labels, value)
        return [family]


class WorkersCollector(Collector):
    """All metrics of all workers, in the words and the order of this one.

    Args:
        own: the metrics of this worker, which prometheus_client keeps in files (its multiprocess mode).
        folder: where those files are, the ones of the other workers too.
    """

    def __init__(self, own: CollectorRegistry, folder: Path) -> None:
        self._own = own
        self._folder = folder

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names are not registered twice."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the files, and yield the metrics."""
        main = os.getppid()
        workers = self._workers(main)
        self._forget_the_dead(workers)
        together = {metric.name: metric for metric in (*self._read(), *_processes(main, workers))}
        for metric in self._own.collect():
            yield together.get(metric.name, metric)

    def _read(self) -> Iterable[Metric]:
        files = [str(file) for file in self._folder.glob("*.db") if _size(file)]  # a new one is empty for a moment
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call] # has no types
        return merged

    def _workers(self, main: int) -> set[int]:
        """Return the numbers of the workers; one that has ended is among them until it is waited for (`man 5 proc`)."""
        known = {_number(file) for file in self._folder.glob("*.db")}
        return {os.getpid(), *(number for number in known if is_child(number, main))}

    def _forget_the_dead(self, workers: Container[int]) -> None:
        """Remove the gauges of workers that have ended."""
        for file in self._folder.glob("gauge_*.db"):
            if _number(file) not in workers or has_ended(_number(file)):
                with suppress(FileNotFoundError):  # another worker was faster
                    file.unlink()


def _processes(main: int, workers: Iterable[int]) -> list[Metric]:
    """Return the process metrics of the main process and of its workers, summed; since when is the main process's."""
    summed: dict[str, Metric] = {}
    for _ in range(_TRIES):
        ended = _ended_ticks(main)
        summed = {metric.name: metric for metric in _process(main)}
        for metric in (metric for worker in workers for metric in _process(worker)):
            if metric.name in summed and metric.name != _MAIN_ONLY:
                _add(summed[metric.name], metric.samples[0].value)
        if _CPU in summed:  # what workers that have ended used up must not be lost, or the counter would fall
            _add(summed[_CPU], ended / os.sysconf("SC_CLK_TCK"))
        if ended == _ended_ticks(main):  # else one that was waited for meanwhile may be missing
            break
    return list(summed.values())


def _ended_ticks(main: int) -> int:
    """Return the clock ticks that children of a process have used which it has waited for."""
    return sum(map(int, _stat(main)[_CHILDREN_CPU]))


def _process(number: int) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: number, registry=None).collect()


def _add(metric: Metric, value: float) -> None:
    [sample] = metric.samples
    metric.samples = [sample._replace(value=sample.value + value)]


def is_child(number: int, parent: int) -> bool:
    """Return whether a process is there and has this parent; numbers are used again, and by strangers."""
    fields = _stat(number)
    return bool(fields) and int(fields[_PARENT]) == parent


def has_ended(number: int) -> bool:
    """Return whether a process has, though it may not have been waited for yet."""
    fields = _stat(number)
    return not fields or fields[_STATE] in _ENDED


def _number(file: Path) -> int:
    """Return the number of the process whose metrics a file holds, as prometheus_client names it."""
    return int(file.stem.rpartition("_")[2])


def _stat(number: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name; none where there is no such process."""
    try:
        return (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
