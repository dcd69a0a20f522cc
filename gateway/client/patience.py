"""When a refused request is sent again: the rule, with time as a parameter."""

import msgspec

from gateway.client.failures import Broken, ClientError, GatewayProblem

_REFUSED = {429, 503}  # nothing was done for the request, so it may be sent again, whatever it asks for
_BROKEN = 3  # connections that may break under one call
_FIRST_S, _LONGEST_S = 0.1, 10.0


class Patience(msgspec.Struct, frozen=True):
    """How long a call may take altogether, in seconds, its repetitions included."""

    total_s: float

    def left(self, elapsed_s: float) -> float:
        """Return the seconds that an attempt may take which begins after `elapsed_s`."""
        return max(self.total_s - elapsed_s, 0.001)

    def pause(self, failure: ClientError, attempt: int, elapsed_s: float, draw: float) -> float | None:
        """Return the seconds until the next attempt; None where there is none.

        Args:
            failure: how the last attempt ended.
            attempt: counts from 1.
            elapsed_s: since the first attempt began.
            draw: a random number in [0, 1), so that clients who were refused together do not come again together.
        """
        growing = min(_FIRST_S * 2 ** (attempt - 1), _LONGEST_S)
        wait = growing * (0.5 + draw / 2)
        if isinstance(failure, GatewayProblem) and failure.status in _REFUSED:
            wait = wait if failure.retry_after is None else failure.retry_after + wait / 2
        elif not isinstance(failure, Broken) or attempt > _BROKEN:
            return None
        return wait if elapsed_s + wait < self.total_s else None
