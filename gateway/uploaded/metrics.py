"""What is counted of uploads."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter

Outcome = Literal["stored", "duplicate", "conflict", "rejected", "refused"]
"""Refused: there was no space, or it could not be written."""


class UploadMetrics:
    """Of images that were sent to be kept."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.images = Counter(
            "gateway_uploads",
            "Images that were sent to be kept, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        for outcome in get_args(Outcome):
            self.images.labels(outcome)
