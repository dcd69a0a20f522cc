"""What the main thread hears of."""

import signal
import subprocess
from queue import Empty

import pytest

from serving.news import News
from tests.processes import PYTHON, ROOT

DEAF = """
import signal, threading
from serving.lifetime import catch_signals

news = catch_signals()
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # of the main thread: the other one gets it
print("waiting", flush=True)
print(news.get(), flush=True)
"""


def test_a_signal_that_does_not_interrupt_the_main_thread_is_heard() -> None:
    """Once is enough: whoever stops a server sends SIGTERM once."""
    with subprocess.Popen([PYTHON, "-c", DEAF], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGTERM)
        try:
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()

    assert said == b"signal\n"


def test_what_was_put_first_is_heard_first_and_then_there_is_nothing() -> None:
    news: News[int] = News()
    news.put(1)
    news.put(2)

    assert [news.get(), news.get(timeout=0)] == [1, 2]
    with pytest.raises(Empty):
        news.get(timeout=0.01)
