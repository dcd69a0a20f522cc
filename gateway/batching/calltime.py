"""How long a call takes, as a line over its number of images, learnt from the calls."""

_KEPT = 0.98  # of the weight of what was learnt, at each call


class CallTime:
    """Least squares over recent calls: seconds = fixed + slope * images, both at least 0."""

    def __init__(self) -> None:
        self._weight = self._n = self._s = self._nn = self._ns = 0.0

    def learn(self, images: int, seconds: float) -> None:
        """Take a call into account; older ones count ever less."""
        self._weight = _KEPT * self._weight + 1
        self._n = _KEPT * self._n + images
        self._s = _KEPT * self._s + seconds
        self._nn = _KEPT * self._nn + images * images
        self._ns = _KEPT * self._ns + images * seconds

    def estimate(self, images: int) -> float | None:
        """Return the seconds that a call with so many images takes; None before any was seen."""
        if not self._weight:
            return None
        n, seconds = self._n / self._weight, self._s / self._weight
        variance = self._nn / self._weight - n * n
        slope = (self._ns / self._weight - n * seconds) / variance if variance > 1e-9 else 0.0
        slope = min(max(slope, 0.0), seconds / n)  # the fixed part is not negative either
        return seconds + slope * (images - n)
