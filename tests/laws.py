"""What holds between the counters of a gateway, and between them and what its clients have seen.

All laws are about growth between two scrapes of a gateway that is at rest: no request is on its way, but for the scrape
itself. They hold with any number of workers, whoever is refused, fails or leaves; not where a process was killed
between two steps of one request. `broken` names those that do not hold:

    before = Scrape.parse(text)
    ...
    assert broken(Scrape.parse(later) - before, ledger) == []

A client that leaves is counted as 499 where the gateway noticed before it began to answer, else with the status of the
answer, which nobody read. Where a connection is closed at the moment in which its request is whole, the ASGI server may
not hand it on; then nothing counts it. So all comparisons with a ledger are equalities where nobody left, and else have
the requests of those who left as their margin.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from gateway.errors import documented
from tests.ledgers import Ledger
from tests.scrapes import Scrape

Counts = Counter[Any]
"""Numbers by their labels; a number alone stands under the empty tuple."""
_WATCHED: Final = {"/metrics", "/health", "/health/live", "/health/ready"}
"""Routes that are asked by whoever watches, so that no ledger holds them."""


@dataclass(frozen=True)
class Law:
    """A relation between two sides that are counted independently of each other."""

    name: str
    left: Callable[[Scrape, Ledger], Counts]
    relation: Literal["==", "<="]
    right: Callable[[Scrape, Ledger], Counts]

    def violation(self, growth: Scrape, ledger: Ledger) -> str | None:
        """Return how it is broken; None where it holds."""
        left, right = self.left(growth, ledger), self.right(growth, ledger)
        holds = left == right if self.relation == "==" else left <= right
        return None if holds else f"{self.name}: not {dict(left)} {self.relation} {dict(right)}"


def broken(growth: Scrape, ledger: Ledger | None = None) -> list[str]:
    """Return what does not hold, as sentences.

    Args:
        growth: from the first scrape to the last.
        ledger: every request between the two; None where only the gateway's own counters are compared.
    """
    laws = OWN_LAWS if ledger is None else (*OWN_LAWS, *LEDGER_LAWS)
    violations = (law.violation(growth, ledger or Ledger()) for law in laws)
    return [violation for violation in violations if violation is not None]


def at_rest(scrape: Scrape) -> bool:
    """Return whether nothing is on its way, but for the scrape itself."""
    busy = ("gateway_queue_depth", "history_queue_depth", "history_unconfirmed")
    return scrape.total("gateway_inflight_requests") == 1 and not any(map(scrape.total, busy))


def _number(value: float) -> Counts:
    return Counter({(): int(value)})


def _total(name: str, **labels: str) -> Callable[[Scrape, Ledger], Counts]:
    return lambda growth, _: _number(growth.total(name, **labels))


def _sum(*names: str) -> Callable[[Scrape, Ledger], Counts]:
    return lambda growth, _: _number(sum(map(growth.total, names)))


def _requests(growth: Scrape, *labels: str) -> Counts:
    """Return the requests that a ledger holds, by `labels`, of which the first is the route."""
    counted = growth.by("gateway_requests_total", *labels)
    return Counter({key: count for key, count in counted.items() if key[0] not in _WATCHED})


def _problem_status(name: str) -> int:
    """Return the status of the answer that tells a problem by its name, ours or HTTP's own."""
    if kind := documented().get(name):
        return kind.status
    return next(status for status in HTTPStatus if status.phrase.lower().replace(" ", "-") == name)


def _problems_by_status(growth: Scrape, _: Ledger) -> Counts:
    problems: Counts = Counter()
    for (name,), count in growth.by("gateway_rejected_total", "reason").items():
        problems[(str(_problem_status(name)),)] += count
    return problems


def _refusals_by_status(growth: Scrape, _: Ledger) -> Counts:
    counted = growth.by("gateway_requests_total", "code")
    return Counter({key: count for key, count in counted.items() if int(key[0]) >= HTTPStatus.BAD_REQUEST})


def _left_as_left(growth: Scrape, _: Ledger) -> Counts:
    counted = _requests(growth, "route", "method", "code")
    return Counter({(route, method): count for (route, method, code), count in counted.items() if code == "499"})


def _decided_calls(growth: Scrape, _: Ledger) -> Counts:
    retried = sum(growth.total("gateway_retries_total", outcome=outcome) for outcome in ("answered", "failed"))
    halves = 2 * growth.total("gateway_bisections_total")
    return _number(growth.total("gateway_batches_total") + halves + retried)


def _computed_predictions(growth: Scrape, _: Ledger) -> Counts:
    again = sum(growth.total("gateway_cache_requests_total", outcome=outcome) for outcome in ("hit", "shared"))
    return _number(growth.total("gateway_predictions_total") - again)


OWN_LAWS: Final[Sequence[Law]] = (
    Law(
        "every request is timed once",
        lambda growth, _: growth.by("gateway_requests_total", "route"),
        "==",
        lambda growth, _: growth.by("gateway_request_duration_seconds_count", "route"),
    ),
    Law("every refusal is a problem of that status", _refusals_by_status, "==", _problems_by_status),
    Law(
        "every prediction has a confidence",
        _total("gateway_prediction_confidence_count"),
        "==",
        _total("gateway_predictions_total"),
    ),
    *(
        Law(
            f"every prediction has spent time in the stage {stage}",
            _total("gateway_stage_duration_seconds_count", stage=stage),
            "==",
            _total("gateway_predictions_total"),
        )
        for stage in ("read", "decode", "queue", "backend", "persist")
    ),
    Law(
        "every prediction is a row of the history, or counted as unrecorded",
        lambda growth, _: _number(
            growth.total("history_rows_total", outcome="committed") + growth.total("history_unrecorded_total")
        ),
        "==",
        _total("gateway_predictions_total"),
    ),
    Law(
        "every prediction that is not from the cache was in a batch",
        _computed_predictions,
        "<=",
        _total("gateway_batch_size_sum"),
    ),
    Law("every batch has a size", _total("gateway_batch_size_count"), "==", _total("gateway_batches_total")),
    Law("every call is a batch, half of one, or a retry", _total("gateway_backend_rpcs_total"), "<=", _decided_calls),
    Law(
        "every call that succeeded is timed",
        _total("gateway_backend_rpc_duration_seconds_count"),
        "==",
        _total("gateway_backend_rpcs_total", code="OK"),
    ),
    Law(
        "nothing is left behind",
        _sum("gateway_inflight_requests", "gateway_queue_depth", "history_queue_depth", "history_unconfirmed"),
        "==",
        lambda _growth, _ledger: _number(0),
    ),
)
"""What holds whatever the clients did."""

LEDGER_LAWS: Final[Sequence[Law]] = (
    Law(
        "no request is counted twice, and none under another route or method",
        lambda growth, _: _requests(growth, "route", "method"),
        "<=",
        lambda _, ledger: Counter(ledger.sent()),
    ),
    Law(
        "every answer is counted with the status that its client saw",
        lambda _, ledger: Counter(ledger.seen()),
        "<=",
        lambda growth, _: _requests(growth, "route", "method", "code"),
    ),
    Law("nobody is counted as gone who has not left", _left_as_left, "<=", lambda _, ledger: Counter(ledger.left())),
    Law(
        "every problem that a client was told is counted under its name",
        lambda _, ledger: Counter(ledger.problems()),
        "<=",
        lambda growth, _: growth.by("gateway_rejected_total", "reason"),
    ),
    Law(
        "every image that a client was told is none is counted under that problem",
        lambda _, ledger: Counter(ledger.refused()),
        "<=",
        lambda growth, _: growth.by("gateway_image_rejects_total", "reason"),
    ),
    Law(
        "every image that a client was answered is a prediction",
        lambda _, ledger: _number(ledger.answered()),
        "<=",
        _total("gateway_predictions_total"),
    ),
    Law(
        "every prediction was told to a client, or its client has left",
        _total("gateway_predictions_total"),
        "<=",
        lambda _, ledger: _number(ledger.answered() + ledger.in_doubt()),
    ),
    Law(
        "every call that was due was made, or a client left or was told that its time was up",
        _decided_calls,
        "<=",
        lambda growth, ledger: _number(
            growth.total("gateway_backend_rpcs_total") + ledger.in_doubt() + ledger.told("deadline-exceeded")
        ),
    ),
)
"""What holds between the gateway's counters and all requests of its clients."""
