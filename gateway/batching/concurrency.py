"""How many calls may be under way at a time, adapted to what the model server does with them."""

_TARGET = 1.0  # calls that wait at the server, beside those that it computes
_TOLERANCE = 0.3
_STEP = 0.1


class InFlightLimit:
    """Keeps one call on its way while others compute, whatever the number that the server computes at a time.

    TCP Vegas' rule (Brakmo and Peterson, 1995, https://doi.org/10.1109/49.464716), as for servers in Netflix's
    concurrency-limits: of `limit` calls, `limit * (1 - alone / now)` wait, where `alone` is the time that a call takes
    by itself and `now` the time that it took among others. Where less than one waits the limit grows, else it shrinks.
    """

    def __init__(self, quota: int, start: int = 2) -> None:
        """Begin with `start` calls; never more than `quota`, nor less than one."""
        self._quota = quota
        self._limit = float(min(start, quota))

    @property
    def value(self) -> int:
        """Calls that may be under way now."""
        return max(1, int(self._limit + 0.5))

    def learn(self, alone_s: float, took_s: float, in_flight: int) -> None:
        """Take a call into account that was sent when `in_flight` calls were under way, itself included."""
        if in_flight < self.value or took_s <= 0:
            return  # the limit was not what bounded it
        waiting = in_flight * (1 - min(1.0, alone_s / took_s))
        if waiting < _TARGET - _TOLERANCE:
            self._limit = min(float(self._quota), self._limit + _STEP)
        elif waiting > _TARGET + _TOLERANCE:
            self._limit = max(1.0, self._limit - _STEP)
