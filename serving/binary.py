"""`tensorflow_model_server` as a child: found, its version checked, told what to do, ended in time, its exit explained.

It is a child, not this process, because it may ignore SIGTERM (serving#1853) and says little when it ends.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty
from typing import NamedTuple

from serving.news import News

NAME = "tensorflow_model_server"
MINIMUM = (2, 17)
"""The oldest TensorFlow that is accepted: the first that surely knows every flag of ours. The latest of them is
`--mixed_precision`, which was merged in the course of 2024 (serving#2193)."""
EXPORTER = (2, 21)
"""The TensorFlow that exports our versions. Newer ones read what older ones wrote; the other way round is not promised
(https://www.tensorflow.org/guide/versions)."""
GRACE = 10.0
"""Seconds that the child has to end after a signal; the embedded server gives its calls as many."""

_LIBRARY = re.compile(r"^TensorFlow Library: (\d+)\.(\d+)", re.MULTILINE)
_VERSION_TIMEOUT = 60
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


class Verdict(NamedTuple):
    """Whether a binary is good enough."""

    refusal: str = ""
    """Why it must not be used; empty where it may."""
    warning: str = ""
    """What may go wrong; empty where nothing is known."""


class Ended(NamedTuple):
    """How the binary ended."""

    status: int
    """The exit status that this process should have."""
    sentence: str = ""
    """What happened, for people; empty where it did what it was told."""


def find() -> str | None:
    """Return the path of the binary on the PATH, or None."""
    return shutil.which(NAME)


def judge(binary: str) -> Verdict:
    """Ask a binary for its version (`--version`), and say whether that is new enough.

    What counts is the line `TensorFlow Library: 2.21.0`. Builds of third parties call the server itself 0.0.0.
    """
    try:
        told = subprocess.run(  # noqa: S603 - the program that is going to be started
            [binary, "--version"], capture_output=True, text=True, check=False, timeout=_VERSION_TIMEOUT
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return Verdict(refusal=f"{binary} --version cannot be run: {error}; mend it, or serve with --embedded")
    return judge_version(binary, told)


def judge_version(binary: str, told: str) -> Verdict:
    """Judge what `--version` told."""
    match = _LIBRARY.search(told)
    if match is None:
        return Verdict(warning=f"{binary} --version does not tell its TensorFlow; {_text(MINIMUM)} or newer is needed")
    found = int(match[1]), int(match[2])
    if found < MINIMUM:
        return Verdict(
            refusal=f"{binary} has TensorFlow {_text(found)}; {_text(MINIMUM)} or newer is needed, which knows "
            "--mixed_precision: install a newer one, or serve with --embedded"
        )
    if found < EXPORTER:
        return Verdict(
            warning=f"{binary} has TensorFlow {_text(found)}, and versions are exported by {_text(EXPORTER)}: an older "
            "TensorFlow may not be able to read what a newer one wrote"
        )
    return Verdict()


def command(binary: str, flags: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return the command line: the settings' flags, what a command line had beside them, and what we add.

    Added is `--num_load_threads=1`, unless it is given: without a thread for loading, a version that fails holds up all
    others for the time of its retries (serving#1099). Batching stays off: the gateway sends batches.
    """
    added = [] if any(other.startswith("--num_load_threads") for other in others) else ["--num_load_threads=1"]
    return [binary, *flags, *others, *added]


def run(arguments: Sequence[str], *, grace: float = GRACE, say: Callable[[str], None]) -> Ended:
    """Run a command until it ends, hand SIGTERM and SIGINT on to it, and kill it `grace` seconds after one of them.

    To be called from the main thread. If this process is killed, so is the child.
    """
    with _hearing() as heard:
        child = subprocess.Popen(  # noqa: S603 - no shell is wanted
            arguments,
            preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - no thread of ours runs yet
        )
        told = _wait(child, heard, grace, say)
    return explain(child.returncode, told=told)


def explain(returncode: int, *, told: bool) -> Ended:
    """Map the return code of a child, as subprocess gives it, to an exit status; `told`: we had it end."""
    if told:
        return Ended(0)
    if returncode < 0:
        name = signal.Signals(-returncode).name
        hint = ": the system may be out of memory" if -returncode == signal.SIGKILL else ""
        return Ended(128 - returncode, f"{NAME} was ended by {name}{hint}; its messages are above")
    if returncode == 0:
        return Ended(0)
    return Ended(
        returncode,
        f"{NAME} ended with status {returncode}; its messages are above. Likely causes: a model did not become "
        "available, a port or a socket is taken, or it does not know a flag",
    )


@contextmanager
def _hearing() -> Iterator[News[int]]:
    """Lend a queue which hears of signals to us, and that a child has ended."""
    heard: News[int] = News()
    before = {number: signal.signal(number, lambda number, _: heard.put(number)) for number in _HEARD}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(child: "subprocess.Popen[bytes]", heard: News[int], grace: float, say: Callable[[str], None]) -> bool:
    """Wait until the child has ended, and return whether it was told to."""
    end: float | None = None
    while child.poll() is None:
        try:
            number = heard.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
        except Empty:
            say(f"{NAME} did not end within {grace:g} s of a signal (serving#1853) and is killed")
            child.kill()
            child.wait()
            break
        if number != signal.SIGCHLD:
            child.send_signal(number)
            end = time.monotonic() + grace if end is None else end
    return end is not None


def _dying_with(parent: int) -> Callable[[], None]:
    """Return what the child does before it becomes the binary: ask the kernel to end it when its parent ends."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def prepare() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it ended before the kernel was told
                os._exit(1)

    return prepare


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
