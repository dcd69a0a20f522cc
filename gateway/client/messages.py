"""What the gateway answers with, as a client reads it. Fields that a client does not know are passed over."""

from typing import Any

import msgspec

from gateway.client.failures import ProblemDocument


class Timings(msgspec.Struct, frozen=True):
    """Milliseconds that a prediction spent in each stage."""

    read: float = 0.0
    decode: float = 0.0
    queue: float = 0.0
    backend: float = 0.0
    persist: float = 0.0
    total: float = 0.0


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one image."""

    id: str
    filename: str | None
    prediction: str
    """The class with the highest probability."""
    confidence: float
    """Its probability, 0 to 1."""
    probabilities: dict[str, float]
    model_version: int
    timestamp: str
    """RFC 3339, UTC."""
    timings: Timings
    abstain: bool = False
    """Whether the model would rather not say; the probabilities are there all the same."""
    abstain_reason: str | None = None
    abstain_detail: str | None = None
    cache: str | None = None


class BatchEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one image of several: the fields of a prediction, or `error`."""

    filename: str | None = None
    error: ProblemDocument | None = None
    """Why this image has no prediction."""
    id: str | None = None
    prediction: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] | None = None
    model_version: int | None = None
    timestamp: str | None = None
    timings: Timings | None = None
    abstain: bool = False
    abstain_reason: str | None = None
    abstain_detail: str | None = None
    cache: str | None = None


class Batch(msgspec.Struct, frozen=True):
    """The answers to the images of one request, in the order sent."""

    predictions: list[BatchEntry]


class HistoryPage(msgspec.Struct, frozen=True):
    """Predictions, newest first."""

    history: list[Prediction]
    next: int | None = None


class Health(msgspec.Struct, frozen=True):
    """How the gateway is."""

    status: str
    """`ok` or `degraded`."""
    timestamp: str
    model_loaded: bool
    model_version: int | None = None
    reason: str | None = None


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the model."""

    version: int
    state: str
    """TensorFlow Serving's name: START, LOADING, AVAILABLE, UNLOADING or END."""
    error: str
    current: bool
    ready: bool
    since: str
    role: str | None = None
    percent: float = 0.0
    labels: list[str] = []
    image: dict[str, Any] | None = None
    metrics: dict[str, Any] = {}
    digest: str = ""
    architecture: str = ""
    created_at: str = ""


class Models(msgspec.Struct, frozen=True):
    """The versions that the model server knows, newest first."""

    models: list[ModelEntry]


class ModelMetrics(msgspec.Struct, frozen=True):
    """What the trainer measured of the version that answers."""

    model_version: int
    architecture: str
    created_at: str
    digest: str
    data_digest: str
    labels: list[str]
    metrics: dict[str, Any]


class Share(msgspec.Struct, frozen=True):
    """How much of the traffic a version gets."""

    version: int
    role: str
    percent: float


class RouteState(msgspec.Struct, frozen=True):
    """The route that is in force, and what comes of it now."""

    current: dict[str, Any]
    """`mode`, and with it `version`, `percent` and `stable`."""
    effective: list[Share]
    why: str
    sequence: int
    since: str
    actor: str
    reason: str
    caller: str | None = None
    """The name of the API key that it was set with."""


class Feedback(msgspec.Struct, frozen=True):
    """What was taken down as the true label of an image."""

    prediction_id: str
    prediction: str
    label: str
    correct: bool
    model_version: int


class Retraining(msgspec.Struct, frozen=True):
    """The retraining that runs now."""

    message: str
    session_id: str


class TrainingStatus(msgspec.Struct, frozen=True):
    """The retraining that runs, or else the last one."""

    status: str
    progress: float
    """0 to 100."""
    message: str
    session_id: str | None = None
    started: str | None = None
    ended: str | None = None


class UploadedFile(msgspec.Struct, frozen=True):
    """What became of a file that was sent to be kept."""

    filename: str | None
    accepted: bool
    label: str | None = None
    duplicate: bool = False
    sha256: str | None = None
    error: ProblemDocument | None = None


class Uploaded(msgspec.Struct, frozen=True):
    """What became of the files of one request, in the order sent."""

    session_id: str
    files: list[UploadedFile]
    message: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """Where the network looked."""

    image: bytes
    """A PNG: the image under the heat map."""
    about: dict[str, str]
    """What the gateway says beside it, by header names in lower case that begin with `pulmo-`."""
