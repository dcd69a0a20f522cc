"""The threads that keep models up to date: one for each, so that no model waits for another one's loads."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from serving.versions import Versions


class Watch:
    """Refreshes models until the end of its context.

    A thread for each model stands for `--num_load_threads`: loads of one model come one after the other, those of
    different models side by side.

    Args:
        interval: seconds between two looks at a base path; 0 looks once, when a model is configured; less looks never.
        ended: called when a thread has died of an error, which is raised at the end of the context.
    """

    def __init__(self, interval: float, ended: Callable[[], None]) -> None:
        self._interval = interval
        self._ended = ended
        self._stopped = threading.Event()
        self._pools = ExitStack()
        self._lock = threading.Lock()
        self._watched: list[Versions] = []
        self._threads: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for versions in self._watched:
            versions.woken.set()
        self._pools.close()
        for thread in self._threads:
            thread.result()

    def add(self, versions: Versions) -> None:
        """Refresh a model from now on."""
        self._watched.append(versions)
        self._run(f"model-{versions.name}", lambda: self._keep_fresh(versions))

    def repeat(self, task: Callable[[], None], interval: float) -> None:
        """Call `task` every `interval` seconds, for the first time after one of them."""

        def run() -> None:
            while not self._stopped.wait(interval):
                task()

        self._run("repeat", run)

    def _run(self, name: str, work: Callable[[], None]) -> None:
        with self._lock:
            pool = self._pools.enter_context(ThreadPoolExecutor(1, thread_name_prefix=name))
            thread = pool.submit(work)
            self._threads.append(thread)
        thread.add_done_callback(lambda _: self._ended())

    def _keep_fresh(self, versions: Versions) -> None:
        """Look when a look is due or the model was aimed anew; load when another attempt is due."""
        due = -math.inf if self._interval >= 0 else math.inf
        while True:
            versions.woken.clear()
            if self._stopped.is_set():  # it is set before they are woken for the last time
                return
            look = time.monotonic() >= due or (versions.unseen and self._interval >= 0)
            versions.refresh(look=look)
            if look:
                due = time.monotonic() + (self._interval or math.inf)
            attempt = versions.next_attempt()
            wake = min(due, math.inf if attempt is None else attempt)
            versions.woken.wait(min(max(wake - time.monotonic(), 0), threading.TIMEOUT_MAX))
