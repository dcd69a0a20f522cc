"""What a gateway has counted, read from what it tells Prometheus; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.scrapes import Scrape

_ROUTE = "/predict"


@dataclass(frozen=True)
class Counts:
    """The counters and gauges that a ledger can be compared with; those of predictions alone, by what they count."""

    requests: Mapping[str, float]
    """By status, those to `/predict`."""
    problems: Mapping[str, float]
    """By name."""
    predictions: Mapping[str, float]
    """By version and label, with a space between them."""
    committed: float
    """Rows that the history took..."""
    failed: float
    """... and that it did not, or nobody knows."""
    unrecorded: float
    """Predictions that were answered without a row."""
    batched: float
    """Images in calls to the model, answered or not."""
    waiting: Mapping[str, float]
    """By metric, what is under way; the scrape itself does not count."""

    @classmethod
    def read(cls, text: str) -> "Counts":
        """Read the text format of Prometheus."""
        scrape = Scrape.parse(text)
        of_history = "history_rows_total"
        waiting = ("gateway_queue_depth", "history_queue_depth", "history_unconfirmed")
        return cls(
            requests=_by(scrape, "gateway_requests_total", "code", route=_ROUTE),
            problems=_by(scrape, "gateway_rejected_total", "reason"),
            predictions=_by(scrape, "gateway_predictions_total", "version", "label"),
            committed=scrape.total(of_history, outcome="committed"),
            failed=scrape.total(of_history, outcome="failed") + scrape.total(of_history, outcome="lost"),
            unrecorded=scrape.total("history_unrecorded_total"),
            batched=scrape.total("gateway_batch_size_sum"),
            waiting={
                "gateway_inflight_requests": scrape.total("gateway_inflight_requests") - 1,
                **{name: scrape.total(name) for name in waiting},
            },
        )


def _by(scrape: Scrape, name: str, *labels: str, **wanted: str) -> Mapping[str, float]:
    """Return the sums of a counter by the values of `labels`, of those samples whose labels include `wanted`."""
    sums = scrape.by(name, *labels, *wanted)
    return {
        " ".join(key[: len(labels)]): count for key, count in sums.items() if key[len(labels) :] == (*wanted.values(),)
    }
