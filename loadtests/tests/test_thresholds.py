"""What is good enough."""

from dataclasses import replace

import pytest

from loadtests.load.scenarios import Limits
from loadtests.load.thresholds import Summary, judge

GOOD = Summary(
    answered=90,
    refused=10,
    failed=0,
    predictions=70,
    rate=9.0,
    mean_ms=20.0,
    p50_ms=15.0,
    p95_ms=60.0,
    p99_ms=100.0,
)
LIMITS = Limits(p99_ms=100, rate=9, refused=0.1)


def test_a_run_at_all_its_limits_is_good() -> None:
    """
    Limits are what is just allowed.
    """
    assert judge(GOOD, LIMITS) == []


@pytest.mark.parametrize(
    ("summary", "problem"),
    [
        (replace(GOOD, predictions=0), "No image was classified"),
        (replace(GOOD, failed=1), "1 of 101 requests failed; none may"),
        (replace(GOOD, refused=11), "10.89% of the requests were refused; the limit is 10.00%"),
        (replace(GOOD, p99_ms=110.0), "p99 of POST /predict is 110 ms; the limit is 100 ms"),
        (replace(GOOD, rate=8.9), "8.9 requests/s were answered; 9.0 are demanded"),
    ],
)
def test_what_is_beyond_a_limit_is_said_in_words(summary: Summary, problem: str) -> None:
    """
    The value, and the limit.
    """
    assert judge(summary, LIMITS) == [problem]


def test_a_failed_request_is_never_good_enough() -> None:
    """
    Without any limits, too.
    """
    assert judge(replace(GOOD, failed=1), Limits()) == ["1 of 101 requests failed; none may"]


def test_nothing_sent_is_no_success() -> None:
    """
    Shares of nothing are nothing.
    """
    assert judge(Summary(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0), Limits(p99_ms=1)) == ["No image was classified"]
