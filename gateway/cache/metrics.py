"""What is told of the result cache."""

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES = ("hit", "shared", "miss")


class CacheMetrics:
    """How often an image needed no computation of its own, and how many answers are held."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "gateway_cache_requests",
            "Images looked up in the result cache, by what was found.",
            ["outcome"],
            registry=registry,
        )
        self.entries = Gauge(
            "gateway_cache_entries",
            "Answers that the result cache holds.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        for outcome in OUTCOMES:
            self.requests.labels(outcome)
