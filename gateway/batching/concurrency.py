"""How many calls the model server computes at a time, learnt from how they slow each other down."""

_GAIN = 0.25  # of what a call tells that met another one all the time
_SLOWER = 1.15  # times what a call takes by itself: then calls have waited for one another
_NEWS = 0.1  # by so much a probe has to change the estimate for the next one to come soon
_SOONEST, _LATEST = 8, 128  # calls between probes


class Parallelism:
    """An estimate of the calls that a server computes at a time, at least 1.

    By Little's law (https://doi.org/10.1287/opre.9.3.383): where `together` calls were under way on average and each
    took `took / alone` times what it takes by itself, `together * alone / took` were computed and the rest waited. A
    call that hardly met another one tells little of that. So one too many is sent on purpose now and then, a probe, and
    ever less often where that teaches nothing.
    """

    def __init__(self) -> None:
        self._estimate = 1.0
        self._at_probe = 1.0
        self._calls = 0
        self._interval = _SOONEST

    @property
    def value(self) -> int:
        """Calls that are computed at a time."""
        return int(self._estimate + 0.5)

    @property
    def probe_due(self) -> bool:
        """Whether it is time to send one call more than that."""
        return self._calls >= self._interval

    def probe(self) -> None:
        """Note that one more was sent."""
        taught = abs(self._estimate - self._at_probe) > _NEWS
        self._interval = _SOONEST if taught else min(2 * self._interval, _LATEST)
        self._at_probe, self._calls = self._estimate, 0

    def learn(self, alone_s: float, took_s: float, together: float) -> None:
        """Take a call into account.

        Args:
            alone_s: what it takes by itself, seconds.
            took_s: what it took, seconds.
            together: calls that were under way meanwhile, itself included; the mean over time.
        """
        self._calls += 1
        computed = together * min(1.0, alone_s / took_s)
        if computed > self._estimate or took_s > _SLOWER * alone_s:  # else there were too few calls to tell
            weight = min(together - 1.0, 1.0) ** 2
            self._estimate = max(1.0, self._estimate + _GAIN * weight * (computed - self._estimate))
