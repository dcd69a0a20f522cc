"""When a client that was refused comes again."""

from typing import Final

LONGEST_S: Final = 30.0
"""However often it was refused, and whatever it was told."""


def pause_s(told_s: float, refusals: int, spread: float) -> float:
    """Return how many seconds a client waits that was refused so many times in a row.

    It waits as long as it was told, twice as long after each further refusal (at most `LONGEST_S`), and up to half as
    long again, so that those who were refused together do not come back together.

    Args:
        told_s: the answer's Retry-After, seconds.
        refusals: 1 after the first.
        spread: by chance, 0 to 1.
    """
    return min(LONGEST_S, told_s * 2.0 ** min(refusals - 1, 10)) * (1 + spread / 2)
