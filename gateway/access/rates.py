"""How often a key may be used: a bucket of tokens for each, without I/O; time is a parameter."""

import msgspec

_BUCKETS = 1024
"""Buckets that are kept before full ones, which say nothing, are thrown away."""
_ROUNDING = 1e-9  # of a token: what adding up small fractions may lose


class _Bucket(msgspec.Struct):
    tokens: float
    since: float
    """When there were so many, seconds."""


class Rates:
    """A bucket for each name, which holds `burst` tokens and gets `rate` more in a second until it is full.

    Args:
        rate: tokens a second, above 0.
        burst: tokens in a full bucket, 1 at least.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, _Bucket] = {}

    def __len__(self) -> int:
        """Return how many buckets are kept."""
        return len(self._buckets)

    def take(self, name: str, now: float) -> float:
        """Take a token of a name and return 0, or take none and return the seconds until there is one."""
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= _BUCKETS:
                self._forget(now)
            bucket = self._buckets[name] = _Bucket(self._burst, now)
        bucket.tokens = self._filled(bucket, now)
        bucket.since = now
        if bucket.tokens < 1 - _ROUNDING:
            return (1 - bucket.tokens) / self._rate
        bucket.tokens -= 1
        return 0.0

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self._burst, bucket.tokens + (now - bucket.since) * self._rate)

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full: a new one would be the same."""
        self._buckets = {
            name: bucket for name, bucket in self._buckets.items() if self._filled(bucket, now) < self._burst
        }
