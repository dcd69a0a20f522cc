"""What the API answers with."""

from typing import Any, Literal, Self

import msgspec
from msgspec import UNSET, UnsetType

from gateway.abstention import AbstainReason
from gateway.curves import Curves
from gateway.imaging import ImageSpec
from gateway.routing import Role, Route, Share

CacheOutcome = Literal["hit", "shared", "miss"]


class Timings(msgspec.Struct, frozen=True):
    """Milliseconds that a prediction spent in each stage; what the event loop adds belongs to the stage it ends."""

    read: float = 0.0
    """From the request's headers until its body is whole."""
    decode: float = 0.0
    """Waiting for a decoding thread, and decoding."""
    queue: float = 0.0
    """Waiting for a call to the model."""
    backend: float = 0.0
    """The call, until its answer is at hand; calls that failed before, too."""
    persist: float = 0.0
    """Until the row is in the history."""
    total: float = 0.0
    """The sum."""

    def server_timing(self) -> str:
        """Return the value of a `Server-Timing` header (https://www.w3.org/TR/server-timing/)."""
        return ", ".join(f"{stage};dur={getattr(self, stage)}" for stage in self.__struct_fields__)


class Prediction(msgspec.Struct, frozen=True):
    """The answer to one image."""

    id: str
    filename: str | None
    prediction: str
    """The label with the highest probability."""
    confidence: float
    """Its probability."""
    probabilities: dict[str, float]
    model_version: int
    timestamp: str
    """RFC 3339, UTC."""
    timings: Timings
    abstain: bool = False
    """Whether this is none to rely on."""
    abstain_reason: AbstainReason | UnsetType = UNSET
    """Why: `low-confidence`, the version is less sure than it must be; `out-of-distribution`, the image is unlike what
    it learned from. Absent where `abstain` is false, and in the history."""
    abstain_detail: str | UnsetType = UNSET
    """The value and the limit, for a person; absent where the reason is."""
    cache: CacheOutcome | UnsetType = UNSET
    """Where the answer is from: `hit`, kept from before; `shared`, computed for several at once; `miss`, computed for
    this request. Absent while the cache is off, and in the history."""
    recorded: Literal[False] | UnsetType = UNSET
    """false where the history was away, and the gateway is set to answer nevertheless; else absent."""


class Recorded(Prediction, frozen=True):
    """A prediction as the history has it."""

    caller: str | None = None
    """The name of the API key that asked; null where there was none."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error, as RFC 9457 describes it."""

    type: str
    title: str
    status: int
    detail: str | None = None
    error: str | None = None
    """The detail once more, where clients of the Open Inference Protocol look for it; below /v2 alone."""


class BatchEntry(msgspec.Struct, frozen=True):
    """The answer to one image of a batch: the fields of a prediction, or `error` for an image that is none."""

    filename: str | None
    id: str | UnsetType = UNSET
    prediction: str | UnsetType = UNSET
    confidence: float | UnsetType = UNSET
    probabilities: dict[str, float] | UnsetType = UNSET
    model_version: int | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET
    timings: Timings | UnsetType = UNSET
    abstain: bool | UnsetType = UNSET
    abstain_reason: AbstainReason | UnsetType = UNSET
    abstain_detail: str | UnsetType = UNSET
    cache: CacheOutcome | UnsetType = UNSET
    recorded: Literal[False] | UnsetType = UNSET
    error: Problem | UnsetType = UNSET

    @classmethod
    def from_prediction(cls, prediction: Prediction) -> Self:
        """Return the entry of an image that was classified."""
        return cls(**msgspec.structs.asdict(prediction))


class BatchReply(msgspec.Struct, frozen=True):
    """The answers to the images of a batch, in the order sent."""

    predictions: list[BatchEntry]


class HistoryReply(msgspec.Struct, frozen=True):
    """Predictions, newest first."""

    history: list[Recorded]
    next: int | None
    """The `after` of the following page; null on the last. With filters a page may hold fewer rows than were asked
    for, or none, and still have a following one."""


class Health(msgspec.Struct, frozen=True):
    """How the gateway is."""

    status: str
    """`ok`, or `degraded` while no model version can answer."""
    timestamp: str
    model_loaded: bool
    model_version: int | None
    reason: str | None
    """Why it is degraded."""


class ModelEntry(msgspec.Struct, frozen=True):
    """A version of the model, as the model server tells it and as it describes itself."""

    version: int
    state: str
    """TensorFlow Serving's name: START, LOADING, AVAILABLE, UNLOADING or END."""
    error: str
    """Why it was not loaded, or cannot be used although it was; empty where nothing is wrong."""
    current: bool
    """Whether it answers what no trial is made with."""
    since: str
    """When the gateway first saw it in its state; RFC 3339, UTC."""
    ready: bool
    """Whether requests may be routed to it: it is AVAILABLE, has described itself, and was tried."""
    role: Role | None
    """What the route has it for; null for none."""
    percent: float
    """Its part of the traffic; for a shadow, of the images that are copied to it."""
    labels: list[str]
    """The classes; empty until it has described itself, like all that follows."""
    image: ImageSpec | None
    metrics: dict[str, Any]
    """What the trainer measured."""
    digest: str
    architecture: str
    created_at: str
    curves: Curves | None = None
    """How the metrics came about; null where the version does not say."""


class Models(msgspec.Struct, frozen=True):
    """The versions that the model server knows, newest first."""

    models: list[ModelEntry]


class KnownVersion(msgspec.Struct, frozen=True):
    """A version that could answer once, as it described itself."""

    version: int
    since: str
    """When it could answer for the first time; RFC 3339, UTC."""
    digest: str
    architecture: str
    created_at: str
    data_digest: str
    labels: list[str]
    metrics: dict[str, Any]
    """What the trainer measured."""


class VersionHistory(msgspec.Struct, frozen=True):
    """Versions that could answer, newest first."""

    history: list[KnownVersion]
    next: int | None
    """The `after` of the following page; null on the last."""


class ModelMetrics(msgspec.Struct, frozen=True):
    """What the trainer measured of the version that answers."""

    model_version: int
    architecture: str
    created_at: str
    digest: str
    """Of the model, the same as `model_info` and `trainer versions` show."""
    data_digest: str
    labels: list[str]
    metrics: dict[str, object]


class RouteChange(msgspec.Struct, frozen=True):
    """A route, and who set it when and why."""

    sequence: int
    """Counts the changes; 0 before the first."""
    since: str
    """RFC 3339, UTC."""
    route: Route
    actor: str
    """`operator`, `guard`, or `default` before the first change."""
    reason: str
    caller: str | None = None
    """The name of the API key that it was changed with; null where there was none."""


class RouteState(msgspec.Struct, frozen=True):
    """The route that is in force, and what comes of it now."""

    current: Route
    effective: list[Share]
    """Who gets how much of the traffic now."""
    why: str
    """Why that is otherwise than the route has it; empty where it is not."""
    sequence: int
    """Counts the changes."""
    since: str
    actor: str
    """`operator`, `guard`, or `default` before the first change."""
    reason: str
    caller: str | None = None
    """The name of the API key that it was changed with; null where there was none."""


class RouteHistory(msgspec.Struct, frozen=True):
    """Changes of the route, newest first."""

    history: list[RouteChange]
    next: int | None
    """The `after` of the following page; null on the last."""
