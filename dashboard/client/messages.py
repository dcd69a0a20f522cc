"""The gateway's answers, as far as the console reads them. Moments are RFC 3339 in UTC, times milliseconds."""

from typing import Any, Literal

import msgspec

Scope = Literal["predict", "operate"]
"""What an API key may do: ask for predictions, or everything."""


class Timings(msgspec.Struct, frozen=True):
    """Milliseconds that one prediction spent in each stage."""

    read: float = 0.0
    decode: float = 0.0
    queue: float = 0.0
    backend: float = 0.0
    persist: float = 0.0
    total: float = 0.0


class Prediction(msgspec.Struct, frozen=True):
    """The answer to one image, from `POST /predict` or the history."""

    id: str
    prediction: str
    """The class with the highest probability."""
    confidence: float
    """Its probability, from 0 to 1, calibrated by the trainer."""
    probabilities: dict[str, float]
    model_version: int
    timings: Timings
    timestamp: str
    filename: str | None = None
    abstain: bool = False
    """Whether this is none to rely on."""
    abstain_detail: str = ""
    """Why, for a person; the history does not keep it."""
    cache: Literal["hit", "shared", "miss"] | None = None
    recorded: bool = True
    caller: str | None = None
    """The name of the API key that asked; the history alone tells it."""


class Refusal(msgspec.Struct, frozen=True):
    """The problem of one image of a batch (RFC 9457)."""

    title: str
    status: int
    detail: str = ""


class BatchEntry(msgspec.Struct, frozen=True):
    """One image of a batch: what was refused has an `error`, everything else the fields of a prediction."""

    error: Refusal | None = None


class BatchReply(msgspec.Struct, frozen=True):
    """The answer to `POST /predict-batch`, in the order sent; each entry is a `BatchEntry` or a `Prediction`."""

    predictions: list[msgspec.Raw]

    def outcomes(self) -> list[Prediction | Refusal]:
        """Return what became of each image.

        Raises:
            msgspec.MsgspecError: an entry is neither.
        """
        return [_outcome(entry) for entry in self.predictions]


def _outcome(entry: msgspec.Raw) -> Prediction | Refusal:
    return msgspec.json.decode(entry, type=BatchEntry).error or msgspec.json.decode(entry, type=Prediction)


class Explanation(msgspec.Struct, frozen=True):
    """The answer to `POST /explain`."""

    png: bytes
    """The picture with the heat map over it."""
    prediction: str
    model_version: int


class FeedbackReply(msgspec.Struct, frozen=True):
    """The answer to `POST /feedback`."""

    label: str
    """What is true."""
    correct: bool


class Health(msgspec.Struct, frozen=True):
    """The answer to `GET /health`."""

    status: Literal["ok", "degraded"]
    model_loaded: bool
    model_version: int | None = None
    reason: str | None = None
    """Why it is degraded."""


class Bin(msgspec.Struct, frozen=True):
    """The validation images whose highest probability is above `low` and at most `high`."""

    low: float
    high: float
    images: int
    confidence: float
    """Mean of the highest probabilities."""
    accuracy: float


class Curves(msgspec.Struct, frozen=True):
    """How a version answered the validation images of its training."""

    confusion: list[list[int]]
    """Row: the true class, column: the answer, both in the order of the labels."""
    reliability: list[Bin]
    roc: list[list[tuple[float, float]]]
    """For each label: (share of the other images taken for it, share of its images found), ascending; may be empty."""


class ModelEntry(msgspec.Struct, frozen=True):
    """A version, from `GET /models`."""

    version: int
    state: str
    """TensorFlow Serving's name: START, LOADING, AVAILABLE, UNLOADING or END."""
    error: str = ""
    current: bool = False
    since: str = ""
    ready: bool = False
    role: Literal["stable", "candidate", "shadow"] | None = None
    percent: float = 0.0
    labels: list[str] = []
    metrics: dict[str, Any] = {}
    digest: str = ""
    architecture: str = ""
    created_at: str = ""
    curves: Curves | None = None


class Models(msgspec.Struct, frozen=True):
    """The answer to `GET /models`, newest first."""

    models: list[ModelEntry]


class Route(msgspec.Struct, frozen=True):
    """Which version is to answer."""

    mode: Literal["latest", "pinned", "canary", "shadow"]
    version: int | None = None
    percent: float | None = None
    stable: int | None = None

    def fields(self) -> dict[str, Any]:
        """Return what says so to the gateway."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


class RouteState(msgspec.Struct, frozen=True):
    """The answer to `GET /models/route`."""

    current: Route
    why: str = ""
    """Why something else is in force; empty where nothing is."""
    sequence: int = 0
    """Counts the changes."""
    since: str = ""
    actor: str = ""
    reason: str = ""
    caller: str | None = None
    """The name of the API key that it was set with."""


class RouteChange(msgspec.Struct, frozen=True):
    """One change of the route."""

    since: str
    route: Route
    actor: str
    """`operator` or `guard`."""
    reason: str
    caller: str | None = None
    """The name of the API key that it was made with."""


class RouteChanges(msgspec.Struct, frozen=True):
    """The answer to `GET /models/route/history`, newest first."""

    history: list[RouteChange]


class VersionAccuracy(msgspec.Struct, frozen=True):
    """How often a version was right, by feedback."""

    model_version: int
    images: int
    """Whose true label is known."""
    accuracy: float


class Accuracies(msgspec.Struct, frozen=True):
    """The answer to `GET /feedback/accuracy`."""

    versions: list[VersionAccuracy]


class TrainingStatus(msgspec.Struct, frozen=True):
    """The answer to `GET /status`."""

    status: str
    progress: float
    """0 to 100."""
    message: str
    session_id: str | None = None
    started: str | None = None
    ended: str | None = None


class TrainingSession(msgspec.Struct, frozen=True):
    """A retraining."""

    session_id: str
    status: str
    message: str
    started: str
    ended: str | None = None
    model_version: int | None = None
    parameters: dict[str, Any] = {}
    """As they were asked for; what is not among them was as before."""
    metrics: dict[str, float] = {}
    """On the validation images, once it is trained."""


class TrainingSessions(msgspec.Struct, frozen=True):
    """The answer to `GET /training-sessions`, newest first."""

    sessions: list[TrainingSession]


class RetrainReply(msgspec.Struct, frozen=True):
    """The answer to `POST /retrain`: the retraining that runs now."""

    message: str
    session_id: str


class UploadedFile(msgspec.Struct, frozen=True):
    """What became of an image that was sent to be kept."""

    accepted: bool
    filename: str | None = None
    label: str | None = None
    duplicate: bool = False
    """Whether the same bytes were stored before."""
    error: Refusal | None = None


class UploadReply(msgspec.Struct, frozen=True):
    """The answer to `POST /upload-data`, in the order sent."""

    session_id: str
    files: list[UploadedFile]


class UploadedImage(msgspec.Struct, frozen=True):
    """An image that was kept."""

    filename: str | None
    label: str | None
    sha256: str
    size: int
    """Bytes."""
    duplicate: bool
    timestamp: str


class UploadedSession(msgspec.Struct, frozen=True):
    """The answer to `GET /uploaded-data/{session_id}`."""

    files: list[UploadedImage]


class HistoryPage(msgspec.Struct, frozen=True):
    """The answer to `GET /history`, newest first; with filters it may be empty while there is a next page."""

    history: list[Prediction]
    next: int | None = None
    """The `after` of the following page."""
