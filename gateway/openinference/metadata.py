"""What a version takes and gives, as the protocol tells it. Pure functions, no I/O."""

from collections.abc import Iterable

from gateway.manifest import ModelVersion
from gateway.openinference.messages import IndexEntry, ModelMetadata, TensorMetadata
from gateway.openinference.questions import IMAGE, IMAGES
from gateway.openinference.replies import IDS, LABELS, PROBABILITIES
from gateway.versions import VersionReport

EXTENSIONS = ["binary_tensor_data", "classification"]
"""By Triton's names."""

_PLATFORM = "tensorflow_savedmodel"
_STATES = {"START": "LOADING", "LOADING": "LOADING", "AVAILABLE": "READY", "UNLOADING": "UNLOADING"}


def model_metadata(name: str, version: ModelVersion, usable: Iterable[int]) -> ModelMetadata:
    """Return what there is to know about asking a version."""
    manifest = version.manifest
    return ModelMetadata(
        name=name,
        versions=[str(number) for number in sorted(usable)],
        platform=_PLATFORM,
        inputs=[
            TensorMetadata(IMAGES, "UINT8", [-1, *manifest.image.shape]),
            TensorMetadata(IMAGE, "BYTES", [-1]),
        ],
        outputs=[
            TensorMetadata(PROBABILITIES, "FP32", [-1, len(manifest.labels)]),
            TensorMetadata(LABELS, "BYTES", [-1]),
            TensorMetadata(IDS, "BYTES", [-1]),
        ],
    )


def index_entry(name: str, report: VersionReport) -> IndexEntry:
    """Return the line of a version in the index of the repository."""
    state = _STATES.get(report.state, "UNAVAILABLE")
    if state == "READY" and not report.ready:
        state = "LOADING"  # it is being tried, or it is of no use, and then there is a reason
    return IndexEntry(name, str(report.number), state, report.error)
