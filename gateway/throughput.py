"""How fast work is done while there is work."""

_HALF_LIFE_S = 5.0  # of busy time


class Throughput:
    """Images per second of busy time, the recent past first. Time is a parameter, seconds on any steady clock."""

    def __init__(self) -> None:
        self._done = 0.0
        self._busy_s = 0.0
        self._since: float | None = None

    def begin(self, now: float) -> None:
        """There is work from now on."""
        if self._since is None:
            self._since = now

    def done(self, images: int, now: float) -> None:
        """So many images were done."""
        self._advance(now)
        self._done += images

    def end(self, now: float) -> None:
        """There is no work any more."""
        self._advance(now)
        self._since = None

    def rate(self, now: float) -> float | None:
        """Return images per second, None before any was done."""
        self._advance(now)
        return self._done / self._busy_s if self._done and self._busy_s else None

    def _advance(self, now: float) -> None:
        if self._since is None:
            return
        passed, self._since = now - self._since, now
        kept = 0.5 ** (passed / _HALF_LIFE_S)
        self._done *= kept
        self._busy_s = self._busy_s * kept + passed
