"""The metrics of access: what became of the requests that need a key, and of the list of keys."""

from prometheus_client import CollectorRegistry, Counter, Gauge

ADMISSIONS = ("granted", "missing", "invalid", "scope", "rate")
RELOADS = ("taken", "refused")


class AccessMetrics:
    """How requests are admitted. No label names a key: their number is not bounded over time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare the metrics in `registry`."""
        self.admissions = Counter(
            "gateway_access",
            "Requests that need an API key, by what became of them; none where no keys are set.",
            ["outcome"],
            registry=registry,
        )
        self.keys = Gauge("gateway_api_keys", "API keys that hold now.", registry=registry, multiprocess_mode="livemin")
        self.reloads = Counter(
            "gateway_api_key_reloads",
            "Times that the file of API keys was found changed, by whether its keys were taken.",
            ["outcome"],
            registry=registry,
        )
        for outcome in ADMISSIONS:
            self.admissions.labels(outcome)
        for outcome in RELOADS:
            self.reloads.labels(outcome)
