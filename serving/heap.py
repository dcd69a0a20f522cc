"""The C library's heap, as a server that needs the same large blocks for each call wants it (glibc's mallopt(3))."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TRIM = 2**30
_MMAP = 2**25


def keep_freed_memory() -> None:
    """Keep what a call frees for the next one; another C library than glibc is left alone.

    By default freed memory goes back to the system at once: blocks of a megabyte are mapped anew for each call, and the
    kernel has to clear each page. For a batch of 32 images of 150 kB that took longer than all else that is done to
    carry it (ARCHITECTURE.md). Blocks above 32 MiB, such as weights and the largest feature maps, still go
    back when they are freed; what remains is given back where a version is unloaded (`serving.session`).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MMAP)
        mallopt(_M_TRIM_THRESHOLD, _TRIM)
