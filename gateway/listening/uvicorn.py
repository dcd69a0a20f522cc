"""uvicorn with a deadline for headers, which it has none of."""

import asyncio
from contextlib import suppress

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from gateway.listening.limits import HEADER_TIMEOUT_S, drop_stalled

_NOT_STARTED = 3  # uvicorn's own status for it


class TimedProtocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type] # one of two classes, by what is installed
    """A connection that is closed when the headers of a request take too long: the first, and each that follows.

    uvicorn itself closes a connection that sends nothing after an answer, but waits for ever for what has begun.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        """Read on, and see whether there is a request now."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._expect_headers()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(HEADER_TIMEOUT_S, self._close)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close(self) -> None:
        self.transport.close()


def run(config: uvicorn.Config) -> int:
    """Serve on a socket whose connections are dropped when their client reads nothing; return the exit status."""
    listener = config.bind_socket()
    drop_stalled(listener)
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):  # uvicorn raises it again, after it has drained
        server.run(sockets=[listener])
    return 0 if server.started else _NOT_STARTED
