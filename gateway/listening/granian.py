"""Granian with an option on its listening sockets, for which it has no parameter."""

import os
import socket
import sys
from typing import Any

from granian._granian import SocketHolder
from granian.server.mp import MPServer

from gateway.listening.limits import drop_stalled


class PatientServer(MPServer):
    """Granian, whose connections are dropped when their client reads nothing for too long.

    Each worker makes its listening socket from a specification that it is handed. Here the worker makes it before
    Granian does, sets the option, and hands on the socket, as Granian itself does where it shares one. That is an
    internal of Granian 2.8: `test_a_reader_that_does_not_read_is_dropped` fails where it is another.
    """

    @staticmethod
    def _spawn_asgi_lifespan_worker(worker: int, name: object, loader: object, sock: Any, *rest: Any) -> None:  # noqa: ANN401
        (specification, holder), extra = sock
        if specification is not None and sys.platform == "linux":
            specification, holder = None, _open(specification)
        sock = ((specification, holder), extra)
        MPServer._spawn_asgi_lifespan_worker(worker, name, loader, sock, *rest)  # noqa: SLF001 - see the class


def _open(specification: Any) -> SocketHolder:  # noqa: ANN401 - a class of Granian's extension
    holder: SocketHolder = specification.build()
    with socket.socket(fileno=os.dup(holder.get_fd())) as listener:  # the option belongs to the socket, not to its name
        drop_stalled(listener)
    return holder
