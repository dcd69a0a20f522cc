"""What is measured of explanations."""

from prometheus_client import CollectorRegistry, Histogram

_DURATION = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class ExplanationMetrics:
    """How long they take."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare them in `registry`."""
        self.duration = Histogram(
            "gateway_explain_rpc_duration_seconds",
            "Time of a successful call that explains an image.",
            buckets=_DURATION,
            registry=registry,
        )
