"""What a gateway has counted, read from what it tells Prometheus; pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

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
        samples = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

        def by(name: str, *labels: str, **wanted: str) -> Counter[str]:
            found = Counter[str]()
            for sample, given, value in samples:
                if sample == name and wanted.items() <= given.items():
                    found[" ".join(given[label] for label in labels)] += value  # type: ignore[assignment]
            return found

        def total(name: str, **wanted: str) -> float:
            return float(by(name, **wanted).total())

        return cls(
            requests=by("gateway_requests_total", "code", route=_ROUTE),
            problems=by("gateway_rejected_total", "reason"),
            predictions=by("gateway_predictions_total", "version", "label"),
            committed=total("history_rows_total", outcome="committed"),
            failed=total("history_rows_total", outcome="failed") + total("history_rows_total", outcome="lost"),
            unrecorded=total("history_unrecorded_total"),
            batched=total("gateway_batch_size_sum"),
            waiting={
                "gateway_inflight_requests": total("gateway_inflight_requests") - 1,
                "gateway_queue_depth": total("gateway_queue_depth"),
                "history_queue_depth": total("history_queue_depth"),
                "history_unconfirmed": total("history_unconfirmed"),
            },
        )

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is under way."""
        return not any(self.waiting.values())
