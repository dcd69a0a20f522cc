"""How long a connection may keep the gateway waiting, and the part of it that the kernel sees to."""

import resource
import socket
import sys
from typing import Final

HEADER_TIMEOUT_S: Final = 6
"""From the moment that the server waits for a request until its headers are whole, and for which a connection may idle.

With what a slow body is given (`gateway.uploads`) that is less than 10 s, and more than the 5 s for which usual clients
keep an idle connection: whoever closes first should be the client, or its next request may be lost.
"""
STALL_TIMEOUT_S: Final = 8
"""For which a client may leave what was sent to it unread, or unacknowledged, before its connection is dropped."""
_FILES: Final = 65_536


def allow_connections() -> None:
    """Raise the number of files that the process may have open, as far as it may: each connection is one.

    Where 1,024 are allowed, as is usual, that many connections which do nothing would keep out all others.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def drop_stalled(listener: socket.socket) -> None:
    """Let the kernel drop connections whose client does not read, or is gone without a word (`man 7 tcp`, Linux only).

    Every connection that is accepted from the listening socket inherits this. An application cannot do it: its answer
    lies in the kernel's buffer long before the client has read it, and then nobody waits for that connection any more.
    """
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_TIMEOUT_S * 1000)
