"""The population stability index: by how much the shares of some bins differ from those that are usual. Pure.

With the shares a of what was seen and e of what is usual it is the sum of (a - e) ln(a / e) over the bins (Siddiqi
2006, Credit Risk Scorecards; it is Jeffreys' divergence of 1946). 0 is no difference. By custom less than `NOTICEABLE`
is none to speak of, and from `LARGE` on the population is another one.

A bin in which nothing was seen would make that infinite, so half an image is added to every bin that either side uses,
which is Jeffreys' prior for shares. And samples differ by chance: of n and m images in b bins, drawn from the same
population, the index is about (1/n + 1/m) times a chi-squared variable with b - 1 degrees of freedom (Yurdakul and
Naranjo 2020, Statistical properties of the population stability index). So what chance adds on average is taken off,
and where chance alone would spread the index by more than `_SPREAD`, or few images were seen, nothing is told.
"""

import math
from collections.abc import Sequence

NOTICEABLE, LARGE = 0.1, 0.25
FEWEST = 100
"""Images that must have been seen."""
_SPREAD = 0.06  # standard deviation by chance: LARGE is four of them away, and one sample in a thousand beyond it
_PRIOR = 0.5  # images


def stability_index(seen: Sequence[int], usual: Sequence[int]) -> float:
    """Return the index, at least 0; each side holds one image at least.

    Args:
        seen: images in each bin.
        usual: the same of the reference.
    """
    pairs = _used(seen, usual)
    images, others = (sum(side) + _PRIOR * len(pairs) for side in (seen, usual))
    shares = [((one + _PRIOR) / images, (other + _PRIOR) / others) for one, other in pairs]
    return math.fsum((a - e) * math.log(a / e) for a, e in shares)


def drift(seen: Sequence[int], usual: Sequence[int]) -> float | None:
    """Return the index without what chance adds to it, at least 0; None where there are too few images to tell.

    Args:
        seen: images in each bin.
        usual: the same of the reference.
    """
    images, others = sum(seen), sum(usual)
    if images < FEWEST or not others:
        return None
    freedom, scale = len(_used(seen, usual)) - 1, 1 / images + 1 / others
    if math.sqrt(2 * freedom) * scale > _SPREAD:
        return None
    return max(0.0, stability_index(seen, usual) - freedom * scale)


def _used(seen: Sequence[int], usual: Sequence[int]) -> list[tuple[int, int]]:
    """Return both counts of each bin that one side uses."""
    return [pair for pair in zip(seen, usual, strict=True) if any(pair)]
