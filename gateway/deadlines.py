"""How long a client wants to wait, told in a header.

No standard has one for HTTP: `grpc-timeout` belongs to gRPC alone, and `Prefer: wait` (RFC 7240) counts whole seconds
and may be ignored.
"""

import re

from gateway.errors import InvalidTimeout

HEADER = "X-Request-Timeout"
"""Seconds from the arrival of the request's headers, a decimal number above 0."""

_DECIMAL = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", re.ASCII)


def budget(header: str | None, limit_s: float) -> float:
    """Return the seconds that a request has: what its header says, at most `limit_s`, which it has without one.

    Raises:
        InvalidTimeout: the header is not a decimal number above 0.
    """
    if header is None:
        return limit_s
    seconds = float(header) if _DECIMAL.fullmatch(header) else 0.0
    if seconds <= 0:
        raise InvalidTimeout(
            f"{HEADER} is {header[:40]!r}; it is a number of seconds above 0, as 0.5, and more than "
            f"PULMO_REQUEST_TIMEOUT_S={limit_s:g} is cut to that"
        )
    return min(seconds, limit_s)
