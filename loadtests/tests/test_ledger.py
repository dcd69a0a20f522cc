"""Counts of two sides, compared; and what a scrape says was counted."""

from collections import Counter

from loadtests.load.counters import parse_counts, since
from loadtests.load.ledger import UNANSWERED, Kind, compare, from_rows, to_rows

PREDICTED, REFUSED = Kind("/predict", "POST", "200"), Kind("/predict", "POST", "429")
SCRAPE = """# TYPE gateway_requests_total counter
gateway_requests_total{code="200",method="POST",route="/predict"} 7.0
gateway_requests_total{code="200",method="GET",route="/metrics"} 3.0
# TYPE gateway_inflight_requests gauge
gateway_inflight_requests 1.0
"""


def test_equal_counts_do_not_differ_whatever_else_was_asked_for() -> None:
    """
    Routes that were not loaded are nobody's business: Prometheus scrapes, and the console looks.
    """
    assert compare({PREDICTED: 3}, {PREDICTED: 3, Kind("/metrics", "GET", "200"): 9}) == []


def test_each_difference_is_told_with_both_numbers() -> None:
    """
    A route that was loaded is compared in every status, also in those that only one side has seen.
    """
    found = compare({PREDICTED: 3, REFUSED: 1}, {PREDICTED: 2, Kind("/predict", "POST", "500"): 1})

    assert found == [
        "POST /predict with status 200: Locust 3, the gateway 2",
        "POST /predict with status 429: Locust 1, the gateway 0",
        "POST /predict with status 500: Locust 0, the gateway 1",
    ]


def test_a_shared_gateway_may_have_counted_more_and_never_less() -> None:
    """
    What Locust sent must be in it in any case.
    """
    assert compare({PREDICTED: 3}, {PREDICTED: 5, REFUSED: 1}, shared=True) == []
    assert compare({PREDICTED: 3}, {PREDICTED: 2}, shared=True) == [
        "POST /predict with status 200: Locust 3, the gateway 2"
    ]


def test_a_request_without_an_answer_is_a_difference() -> None:
    """
    Nobody can tell whether the gateway has counted it.
    """
    assert compare({Kind("/predict", "POST", UNANSWERED): 1}, {}) != []


def test_rows_hold_all_of_the_counts() -> None:
    """
    What several processes send is added up.
    """
    counts = Counter({PREDICTED: 3, REFUSED: 1})

    assert from_rows(to_rows(counts)) == counts
    assert from_rows(to_rows(counts) + to_rows(counts)) == counts + counts


def test_a_scrape_is_read_by_route_method_and_status() -> None:
    """
    Other metrics are passed over.
    """
    assert parse_counts(SCRAPE) == {PREDICTED: 7, Kind("/metrics", "GET", "200"): 3}


def test_what_was_counted_meanwhile_is_less_than_nothing_after_a_restart() -> None:
    """
    A counter that began anew is no count, and differs from what was sent.
    """
    assert since({PREDICTED: 5, REFUSED: 2}, {PREDICTED: 9, REFUSED: 2}) == {PREDICTED: 4}
    assert since({PREDICTED: 5}, {PREDICTED: 1}) == {PREDICTED: -4}
