"""What is told of feedback."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from gateway.exposition import StateGauge
from gateway.feedback.accuracy import Accuracy

_SHOWN = 32  # versions, the newest


class FeedbackMetrics:
    """How often each version was right, of the images whose true label is known."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.images = StateGauge(
            "gateway_feedback_images", "Predictions whose true label is known.", ["version"], registry
        )
        self.accuracy = StateGauge("gateway_feedback_accuracy", "Share of them that were right.", ["version"], registry)

    def show(self, accuracies: Mapping[int, Accuracy]) -> None:
        """Show these from now on, the newest versions of them."""
        newest = sorted(accuracies)[-_SHOWN:]
        self.images.show({(version,): accuracies[version].images for version in newest})
        self.accuracy.show({(version,): accuracies[version].share for version in newest})
