"""How long a call takes, as a line over its number of images, learnt from the calls."""

_KEPT = 0.98  # of the weight of what was learnt, at each call
_DOUBT = 0.02  # variance that sizes must have to count as different, over the square of their mean


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
        """Return the seconds that a call with so many images takes; None before any was seen.

        Sizes far from those that were seen are thought to take little: larger ones no longer, smaller ones in
        proportion. So nothing is made of a server's speed that was not seen.
        """
        if not self._weight:
            return None
        n, seconds = self._n / self._weight, self._s / self._weight
        doubt = _DOUBT * n * n
        prior = 0.0 if images > n else seconds / n
        covariance, variance = self._ns / self._weight - n * seconds, self._nn / self._weight - n * n
        slope = (covariance + doubt * prior) / (variance + doubt)
        slope = min(max(slope, 0.0), seconds / n)  # the fixed part is not negative either
        return seconds + slope * (images - n)
