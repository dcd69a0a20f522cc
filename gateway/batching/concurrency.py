"""How many calls the model server computes at a time, learnt from how they slow each other down."""

_GAIN = 0.1  # of what a call tells
_SLOWER = 1.15  # times what a call takes by itself: then calls have waited for one another


class Parallelism:
    """An estimate of the calls that a server computes at a time, at least 1.

    By Little's law (https://doi.org/10.1287/opre.9.3.383): where `together` calls were under way on average and each
    took `took / alone` times what it takes by itself, `together * alone / took` were computed and the rest waited.
    """

    def __init__(self) -> None:
        self._estimate = 1.0

    @property
    def value(self) -> int:
        """Calls that are computed at a time."""
        return int(self._estimate + 0.5)

    def learn(self, alone_s: float, took_s: float, together: float) -> None:
        """Take a call into account.

        Args:
            alone_s: what it takes by itself, seconds.
            took_s: what it took, seconds.
            together: calls that were under way meanwhile, itself included; the mean over time.
        """
        computed = together * min(1.0, alone_s / took_s)
        if computed > self._estimate or took_s > _SLOWER * alone_s:  # else there were too few calls to tell
            self._estimate = max(1.0, self._estimate + _GAIN * (computed - self._estimate))
