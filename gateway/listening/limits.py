"""How long a connection may keep the gateway waiting, and the part of it that the kernel sees to."""

import socket
import sys
from typing import Final

HEADER_TIMEOUT_S: Final = 8.0
"""From the moment that the server waits for a request until its headers are whole; with Granian, idle time as well."""
STALL_TIMEOUT_S: Final = 8.0
"""For which a client may leave what was sent to it unread, or unacknowledged, before its connection is dropped."""


def drop_stalled(listener: socket.socket) -> None:
    """Let the kernel drop connections whose client does not read, or is gone without a word (`man 7 tcp`, Linux only).

    Every connection that is accepted from the listening socket inherits this. An application cannot do it: its answer
    lies in the kernel's buffer long before the client has read it, and then nobody waits for that connection any more.
    """
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(STALL_TIMEOUT_S * 1000))
