"""When a version counts as clearly worse: never by chance, and soon when it is."""

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from gateway.guard.judgement import Measure, Thresholds, Violation, judge
from gateway.guard.window import Summary
from gateway.metrics import MEASURES
from gateway.observations import Outcome
from gateway.services import thresholds
from gateway.settings import Settings

LABELS = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")
USUAL = (0.4, 0.1, 0.3, 0.2)
DEFAULTS = thresholds(Settings())
NO_MARGIN = Thresholds(
    images=50, errors=0, latency_ratio=1, latency_margin_s=0, abstentions=0, classes=0, disagreement=0.1
)
SLICE = 10  # images of the candidate in each slice


def verdict(slices: Sequence[Summary], stable: Summary, limits: Thresholds = DEFAULTS) -> list[Violation]:
    """Judge a candidate by its slices, as a window would hand them over."""
    total = reduce(Summary.plus, slices, Summary())
    moments = [one.plus(other) for one, other in pairwise([*slices, Summary()])]
    return judge(total, moments, stable, limits)


class Traffic:
    """Random images of a version: how often it fails and abstains, how long it takes, what it says."""

    def __init__(
        self,
        seed: int,
        *,
        errors: float = 0.01,
        mix: tuple[float, ...] = USUAL,
        abstentions: float = 0.05,
        median_s: float = 0.02,
        disagreement: float | None = None,
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.errors = errors
        self.mix = mix
        self.abstentions = abstentions
        self.median_s = median_s
        self.disagreement = disagreement

    def summary(self, images: int) -> Summary:
        """Draw so many images. Their times are log-normal with a tail of three times the median at 95 %."""
        random, summary = self.random, Summary()
        labels = random.choice(len(LABELS), images, p=self.mix)
        seconds = self.median_s * np.exp(random.normal(0, 0.67, images))
        failed, abstained = random.random(images) < self.errors, random.random(images) < self.abstentions
        other = random.random(images) < (self.disagreement or 0.0)
        for i in range(images):
            summary.count(
                Outcome(
                    version=1,
                    role="stable",
                    backend_s=float(seconds[i]),
                    error="model-failed" if failed[i] else "",
                    label="" if failed[i] else LABELS[labels[i]],
                    abstained=bool(abstained[i]),
                    disagreed=None if self.disagreement is None else bool(other[i]),
                )
            )
        return summary


def measures(violations: list[Violation]) -> set[Measure]:
    return {violation.measure for violation in violations}


def caught_after(
    traffic: Traffic, stable: Summary, limit: int, limits: Thresholds = DEFAULTS
) -> tuple[int, set[Measure]]:
    """Return after how many images of the candidate there was a violation, and which; judged after each slice."""
    slices: list[Summary] = []
    while len(slices) * SLICE < limit:
        slices.append(traffic.summary(SLICE))
        if found := verdict(slices, stable, limits):
            return len(slices) * SLICE, measures(found)
    return limit + 1, set()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("limits", [DEFAULTS, NO_MARGIN], ids=["as set", "without any margin"])
def test_equal_versions_are_never_judged_apart(limits: Thresholds) -> None:
    """100 canaries of 600 images at 5 to 50 %, judged after every 10: 6,000 judgements of each kind, no false alarm."""
    alarms = []
    for seed in range(100):
        share = np.random.default_rng(seed).uniform(0.05, 0.5)
        stable = Traffic(10_000 + seed, disagreement=0.1).summary(int(600 / share))
        caught, found = caught_after(Traffic(seed, disagreement=0.1), stable, 600, limits)
        alarms += [(seed, caught, found)] if found else []

    assert alarms == []


@pytest.mark.parametrize(
    ("bad", "measure", "within"),
    [
        (lambda seed: Traffic(seed, errors=1.0), "errors", 30),
        (lambda seed: Traffic(seed, errors=0.3), "errors", 120),
        (lambda seed: Traffic(seed, errors=0.1), "errors", 500),
        (lambda seed: Traffic(seed, median_s=0.2), "latency", 90),
        (lambda seed: Traffic(seed, median_s=0.1), "latency", 150),
        (lambda seed: Traffic(seed, abstentions=0.6), "abstentions", 90),
        (lambda seed: Traffic(seed, mix=(0, 0, 1, 0)), "classes", 90),
        (lambda seed: Traffic(seed, mix=(0.1, 0.4, 0.2, 0.3)), "classes", 500),
        (lambda seed: Traffic(seed, disagreement=0.7), "disagreement", 150),
    ],
    ids=[
        "always fails",
        "fails at 30 %",
        "fails at 10 %",
        "ten times slower",
        "five times slower",
        "abstains from 60 %",
        "one class only",
        "another mix",
        "disagrees on 70 %",
    ],
)
def test_a_bad_version_is_caught_within_so_many_images(
    bad: Callable[[int], Traffic], measure: Measure, within: int
) -> None:
    """Each of 50 bad canaries at 10 % is caught, by the measure that is wrong with it."""
    stable = Traffic(99, disagreement=0.1).summary(9 * within)
    caught = [caught_after(bad(seed), stable, within) for seed in range(50)]

    assert max(images for images, _ in caught) <= within
    assert all(measure in found for _, found in caught)


def repeated(outcome: Outcome, images: int) -> Summary:
    summary = Summary()
    for _ in range(images):
        summary.count(outcome)
    return summary


GOOD = Outcome(1, "stable", 0.01, label="normal")
FAILED = Outcome(2, "candidate", 0.01, error="model-failed")
LATE = Outcome(2, "candidate", 5.0, error="deadline-exceeded")
MOMENTS = {
    "a failed batch": FAILED,
    "a stall": Outcome(2, "candidate", 3.0, label="normal"),
    "one client's images": Outcome(2, "candidate", 0.01, label="adenocarcinoma"),
    "one client's noise": Outcome(2, "candidate", 0.01, label="normal", abstained=True),
}


@pytest.mark.parametrize("outcome", MOMENTS.values(), ids=MOMENTS)
def test_what_lasts_a_moment_is_no_violation(outcome: Outcome) -> None:
    """400 images of two slices among 300 good ones are left alone, and are a violation once they come in a third."""
    stable = repeated(GOOD, 2000)
    good, moment = repeated(GOOD, 100), repeated(outcome, 200)

    assert verdict([good, moment, moment, good, good], stable) == []
    assert len(verdict([good, moment, moment, moment, good], stable)) == 1


def test_few_images_are_not_judged() -> None:
    """Below the minimum on either side there is no verdict on answers."""
    wrong = Outcome(2, "candidate", 9.0, label="adenocarcinoma", abstained=True, disagreed=True)
    few, many = [repeated(wrong, 24)] * 4, [repeated(wrong, 200)] * 4

    assert verdict(few, repeated(GOOD, 5000)) == []
    assert measures(verdict(many, repeated(GOOD, 49))) == {"disagreement"}
    assert measures(verdict(many, repeated(GOOD, 5000))) == set(MEASURES) - {"errors"}


def test_a_version_that_only_fails_needs_no_minimum() -> None:
    """Ten failures without an answer are enough, unless the stable version fares alike."""
    failing = [repeated(FAILED, 5)] * 4

    assert measures(verdict(failing, repeated(GOOD, 30))) == {"errors"}
    assert verdict(failing, repeated(FAILED, 30)) == []
    assert verdict(failing[1:], repeated(GOOD, 30)) == []
    assert verdict([repeated(GOOD, 1), *failing, repeated(GOOD, 1)], repeated(GOOD, 30)) == []


def test_without_a_comparison_only_failed_calls_speak_against_a_version() -> None:
    """After a quiet night a version that fails is taken back; one that is merely late may have a late server."""
    assert measures(verdict([repeated(FAILED, 10)] * 3, Summary())) == {"errors"}
    assert verdict([repeated(LATE, 100)] * 3, Summary()) == []


def test_noise_around_a_millisecond_is_no_violation() -> None:
    """Three times the latency is left alone where it is a few milliseconds."""
    fast, slow = Outcome(1, "stable", 0.001, label="normal"), Outcome(2, "candidate", 0.02, label="normal")

    assert verdict([repeated(slow, 200)] * 3, repeated(fast, 2000)) == []


def test_larger_batches_after_a_rollout_are_not_slowness() -> None:
    """The load rose from one image at a time to 32: what 32 images take is 20 times as long, and no violation."""
    alone = Outcome(1, "stable", 0.02, batch=1, label="normal")
    together = Outcome(2, "stable", 0.4, batch=32, label="normal")
    slow = Outcome(2, "stable", 4.0, batch=32, label="normal")

    assert verdict([repeated(together, 320)] * 3, repeated(alone, 500)) == []
    assert measures(verdict([repeated(slow, 320)] * 3, repeated(alone, 500))) == {"latency"}


def test_small_batches_of_a_canary_are_not_held_against_the_stable_version() -> None:
    """A canary that takes as long for an image as the stable version for 32 keeps nobody waiting longer."""
    alone, together = Outcome(2, "candidate", 0.4, label="normal"), Outcome(1, "stable", 0.4, batch=32, label="normal")

    assert verdict([repeated(alone, 100)] * 3, repeated(together, 3200)) == []


def test_one_as_a_threshold_switches_a_measure_off() -> None:
    """A version that may differ in everything is never bad."""
    anything = msgspec.structs.replace(DEFAULTS, errors=1.0, abstentions=1.0, classes=1.0, disagreement=1.0)
    other = Outcome(2, "candidate", 0.01, label="adenocarcinoma", abstained=True, disagreed=True)

    assert verdict([repeated(other, 200)] * 3, repeated(GOOD, 2000), anything) == []
    assert verdict([repeated(FAILED, 200)] * 3, repeated(GOOD, 2000), anything) == []


def test_a_violation_says_what_was_seen_and_what_the_limit_is() -> None:
    """The sentence is what the operator finds in the route's history."""
    candidate = [repeated(GOOD, 40).plus(repeated(FAILED, 10))] * 5
    [violation] = verdict(candidate, repeated(GOOD, 1000))

    assert violation.sentence == (
        "50 of 250 (20.0 %) images failed, 0 of 1000 (0.0 %) with the stable version; the limit is 2.0 %"
    )
    assert (violation.candidate, violation.stable, violation.limit) == (0.2, 0.0, 0.02)
