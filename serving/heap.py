"""The C library's heap, as a server that needs the same large blocks for each call wants it."""

import os
import sys
from collections.abc import Mapping
from typing import Final

_VARIABLE: Final = "GLIBC_TUNABLES"
_TUNABLES: Final = (
    ("glibc.malloc.hugetlb", 1),
    ("glibc.malloc.mmap_threshold", 2**25),
    ("glibc.malloc.trim_threshold", 2**30),
)


def keep_freed_memory() -> None:
    """Keep what a call frees for the next one, in huge pages; the program starts again for it if it has to.

    By default freed memory goes back to the system at once: blocks of a megabyte are mapped anew for each call, and the
    kernel has to clear each page. For a batch of 32 images of 150 kB that took longer than all else that is done to
    carry it (ARCHITECTURE.md). Blocks above 32 MiB, such as weights and the largest feature maps, still go
    back when they are freed; what remains is given back where a version is unloaded (`serving.session`).

    glibc reads this before a program's first line, from the environment (The GNU C Library, "Memory Allocation
    Tunables"): the process, its pid and its arguments stay. Other C libraries do not read it, and a tunable that is
    already in the environment stays as it is.
    """
    tuned = with_tunables(os.environ)
    if sys.platform == "linux" and tuned != os.environ:
        os.execve(sys.executable, sys.orig_argv, tuned)  # noqa: S606 - this very program


def with_tunables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the tunables that it lacks."""
    present = [part for part in environment.get(_VARIABLE, "").split(":") if part]
    names = {part.partition("=")[0] for part in present}
    missing = [f"{name}={value}" for name, value in _TUNABLES if name not in names]
    return {**environment, _VARIABLE: ":".join(present + missing)}
