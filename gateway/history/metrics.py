"""What the history tells of itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_COMMIT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
OUTCOMES = ("committed", "failed", "refused", "lost")
DURABILITIES = ("full", "normal", "async")


class HistoryMetrics:
    """The metrics of the history. Known labels exist from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.queue_depth = Gauge(
            "history_queue_depth",
            "Predictions that wait to be written.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.commit_duration = Histogram(
            "history_commit_duration_seconds", "Time of a group commit.", buckets=_COMMIT, registry=registry
        )
        self.rows = Counter(
            "history_rows", "Predictions handed to the history, by what became of them.", ["outcome"], registry=registry
        )
        self.unconfirmed = Gauge(
            "history_unconfirmed",
            "Predictions that were answered and are not yet committed; there are some with durability `async` alone.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.unrecorded = Counter(
            "history_unrecorded", "Predictions that were answered although they are not recorded.", registry=registry
        )
        self.deleted_rows = Counter(
            "history_deleted_rows", "Predictions that were deleted because of their age or number.", registry=registry
        )
        self.durability = Gauge(
            "history_durability",
            "1 for what an answer promises of its row, else 0.",
            ["mode"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        for outcome in OUTCOMES:
            self.rows.labels(outcome)
        for mode in DURABILITIES:
            self.durability.labels(mode)
