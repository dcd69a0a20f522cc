"""The manifest: all that others need to know about a version, as `describe` returns it and `manifest.json` holds it."""

from datetime import UTC, datetime
from importlib.metadata import version

import msgspec

from gateway.imaging import ImageSpec
from trainer.config import TrainingConfig
from trainer.measures.curves import Curves
from trainer.measures.drift_reference import DriftReference


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the model, described; its JSON keys are the contract with the gateway."""

    labels: tuple[str, ...]
    """Class names in the order of the output's columns."""
    image: ImageSpec
    """The array that `serving_default` takes."""
    temperature: float = 1.0
    """What the logits are divided by, inside the graph (Guo et al. 2017, On Calibration of Modern Neural Networks)."""
    abstention_threshold: float = 0.0
    """Below this highest probability the model should not be believed; 0 means never."""
    out_of_distribution: dict[str, tuple[float, float]] = {}
    """Between which numbers the training images lie, by names of `gateway.imaging.APPEARANCE`; empty where unknown."""
    drift_reference: DriftReference | None = None
    """What is usual, to notice drift by; None in old manifests."""
    curves: Curves | None = None
    """What the metrics sum up; None in old manifests, and where there are too many classes."""
    metrics: dict[str, float]
    """On the validation split; shares between 0 and 1, `loss` in nats."""
    data_digest: str
    """`sha256:<hex>` over the data set's relative paths and contents."""
    model_digest: str = ""
    """`sha256:<hex>` over the weights and all else that answers depend on; empty in old manifests."""
    config: TrainingConfig
    code_version: str
    created_at: datetime
    """UTC, whole seconds."""
    architecture: str

    def to_json(self) -> bytes:
        """Return the manifest as JSON in UTF-8; the time is RFC 3339 with `Z`."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read a manifest.

        Raises:
            msgspec.MsgspecError: it is not JSON, or a key is missing or of another type.
        """
        return msgspec.json.decode(text, type=cls)


def describe_training(
    config: TrainingConfig, labels: tuple[str, ...], image: ImageSpec, metrics: dict[str, float], data_digest: str
) -> Manifest:
    """Write the manifest of a model that was trained just now, with this code."""
    return Manifest(
        labels=labels,
        image=image,
        metrics=metrics,
        data_digest=data_digest,
        config=config,
        code_version=version("pulmo"),
        created_at=datetime.now(UTC).replace(microsecond=0),
        architecture=config.architecture,
    )
