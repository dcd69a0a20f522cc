"""The rule of the guard, as pure functions: is a version on trial clearly worse than the stable one, and in what?

A measure is violated where the difference is larger than its threshold *and* larger than chance explains: if images
came to their ends independently of each other, equal versions would violate a measure with probability `CHANCE` or
less. (For the latency that takes the stable version's 95th percentile for known; so 10 % may be late there, not 5.) A
difference that is real and too small for its threshold is left alone, however sure it is. And since images of one batch
or of one client do fare alike, a violation counts only if it remains whichever moment of the window is left out.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, Self

import msgspec

from gateway.errors import ModelFailed
from gateway.guard.chance import dealt, distance_by_chance, drawn
from gateway.guard.window import Call, Summary, allowed, of_size, quantile, slower

Measure = Literal["errors", "latency", "abstentions", "classes", "disagreement"]
CHANCE = 1e-6
"""How improbable a difference must be between equal versions. It is this small because it is judged once a second."""
_HOPELESS = 10  # failures without one answer that are enough to judge errors
_QUANTILE = 0.95
_LATE = 0.1  # the share of images that may be beyond the limit, which at most 5 % of the stable version's are


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """By how much a version on trial may differ from the stable one. 1 switches a share's measure off."""

    images: int
    """Images on both sides before anything is judged, but for a version that only ever failed."""
    errors: float
    """The share of failures may be larger by this."""
    latency_ratio: float
    """Calls may take this many times the 95th percentile of the stable version's ..."""
    latency_margin_s: float
    """... or this much more, whichever is longer: so noise around a millisecond is no violation."""
    abstentions: float
    """The share of abstentions may be larger by this."""
    classes: float
    """The total variation distance of the class mixes: the share of images that would have to change their class."""
    disagreement: float
    """The share of shadowed images that get another class than from the stable version."""


class Violation(msgspec.Struct, frozen=True):
    """A measure by which a version is clearly worse."""

    measure: Measure
    candidate: float
    """A share; for the latency the 95th percentile, seconds."""
    stable: float
    """The same of the stable version; for class mix and disagreement 0, since they are distances from it."""
    limit: float
    """What `candidate` may be at most."""
    sentence: str


def judge(candidate: Summary, moments: Iterable[Summary], stable: Summary, thresholds: Thresholds) -> list[Violation]:
    """Return the measures by which a version is clearly worse than the stable one, the gravest first.

    Args:
        candidate: what the version on trial did.
        moments: parts of that, each of which might have been a mishap.
        stable: what the stable version did.
        thresholds: what is tolerated.
    """
    found = compare(candidate, stable, thresholds)
    if not found:
        return []
    for moment in moments:
        remaining = {violation.measure for violation in compare(candidate.minus(moment), stable, thresholds)}
        found = [violation for violation in found if violation.measure in remaining]
    return found


def compare(candidate: Summary, stable: Summary, thresholds: Thresholds) -> list[Violation]:
    """Return the violations of one summary, without the question whether they lasted more than a moment."""
    found: list[Violation | None] = []
    if min(candidate.attempts, stable.attempts) >= thresholds.images or _hopeless(candidate, stable):
        failed = Share(candidate.failures, candidate.attempts), Share(stable.failures, stable.attempts)
        found.append(_more("errors", "failed", *failed, thresholds.errors))
    if min(candidate.answers, stable.answers) >= thresholds.images:
        found.append(_latency(candidate.calls, stable.calls, thresholds))
        abstained = Share.of(candidate.abstained), Share.of(stable.abstained)
        found.append(_more("abstentions", "were abstained from", *abstained, thresholds.abstentions))
        found.append(_classes(candidate.classes, stable.classes, thresholds.classes))
    if candidate.disagreed.total() >= thresholds.images:
        found.append(_disagreement(Share.of(candidate.disagreed), thresholds.disagreement))
    return [violation for violation in found if violation is not None]


class Share(msgspec.Struct, frozen=True):
    """So many of so many images."""

    part: int
    whole: int

    @classmethod
    def of(cls, counted: Counter[bool]) -> Self:
        """Return the share of True."""
        return cls(counted[True], counted.total())

    @property
    def value(self) -> float:
        """The share, 0 of nothing."""
        return self.part / self.whole if self.whole else 0.0

    def __str__(self) -> str:
        return f"{self.part} of {self.whole} ({self.value * 100:.1f} %)"


def _hopeless(candidate: Summary, stable: Summary) -> bool:
    """Say whether the candidate has only failed. Where the stable one was not asked, only failed calls speak for that.

    A model server that answers nobody makes every version fail; then there is nothing to choose between them.
    """
    failed = candidate.failures if stable.attempts else candidate.failed[ModelFailed.name]
    return candidate.answers == 0 and failed >= _HOPELESS


def _more(measure: Measure, what: str, candidate: Share, stable: Share, margin: float) -> Violation | None:
    limit = stable.value + margin
    if candidate.value <= limit:
        return None
    if stable.whole and dealt(candidate.part, candidate.whole, stable.part, stable.whole) > CHANCE:
        return None
    sentence = f"{candidate} images {what}, {stable} with the stable version; the limit is {limit * 100:.1f} %"
    return Violation(measure, candidate.value, stable.value, limit, sentence)


def _latency(candidate: Counter[Call], stable: Counter[Call], thresholds: Thresholds) -> Violation | None:
    """Count the images whose call took longer than calls of its size may; more than 10 %, surely, are a violation."""
    late: Counter[int] = Counter()
    limits: dict[int, float] = {}
    for size in {size for size, _ in candidate}:
        usual = quantile(allowed(stable, size), _QUANTILE)
        limits[size] = max(usual * thresholds.latency_ratio, usual + thresholds.latency_margin_s)
        late[size] = slower(of_size(candidate, size), limits[size])
    share = Share(late.total(), candidate.total())
    if share.value <= _LATE or drawn(share.part, share.whole, _LATE) > CHANCE:
        return None
    [(worst, _)] = late.most_common(1)
    found, usual = quantile(of_size(candidate, worst), _QUANTILE), quantile(allowed(stable, worst), _QUANTILE)
    sentence = (
        f"{share} images took the model longer than the limit; in calls of up to {2**worst} images 95 % took at most "
        f"{found * 1000:.0f} ms, {usual * 1000:.0f} ms with the stable version; the limit is "
        f"{limits[worst] * 1000:.0f} ms"
    )
    return Violation("latency", found, usual, limits[worst], sentence)


def _classes(candidate: Counter[str], stable: Counter[str], limit: float) -> Violation | None:
    """Compare the class mixes by their total variation distance: half the sum of the differences of the shares."""
    images, other_images = candidate.total(), stable.total()
    labels = candidate.keys() | stable.keys()
    differences = {label: candidate[label] / images - stable[label] / other_images for label in labels}
    distance = sum(map(abs, differences.values())) / 2
    if distance <= max(limit, distance_by_chance(images, other_images, len(labels), CHANCE)):
        return None
    most = max(sorted(labels), key=lambda label: abs(differences[label]))
    now, usual = Share(candidate[most], images), Share(stable[most], other_images)
    sentence = (
        f"{most} was the answer to {now} images, {usual} with the stable version; "
        f"the class mixes differ by {distance * 100:.1f} %, the limit is {limit * 100:.1f} %"
    )
    return Violation("classes", distance, 0.0, limit, sentence)


def _disagreement(disagreed: Share, limit: float) -> Violation | None:
    if disagreed.value <= limit or drawn(disagreed.part, disagreed.whole, limit) > CHANCE:
        return None
    sentence = f"{disagreed} images got another class than from the stable version; the limit is {limit * 100:.1f} %"
    return Violation("disagreement", disagreed.value, 0.0, limit, sentence)
