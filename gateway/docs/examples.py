"""Answers as the OpenAPI document shows them. They are objects of the API's own types, so they cannot fall behind."""

from typing import get_args

import msgspec

from gateway.curves import Bin, Curves
from gateway.errors import UnsupportedFormat
from gateway.history.export import MEDIA_TYPES, Format, header, lines
from gateway.imaging import ImageSpec
from gateway.problems import to_problem
from gateway.routing import Canary, Share
from gateway.schemas import (
    BatchEntry,
    BatchReply,
    Health,
    HistoryReply,
    KnownVersion,
    ModelEntry,
    ModelMetrics,
    Models,
    Prediction,
    Recorded,
    RouteChange,
    RouteHistory,
    RouteState,
    Timings,
    VersionHistory,
)

_TIME = "2026-11-28T12:00:00.000Z"
_LABELS = ["adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma"]
_DIGEST = "sha256:" + "0" * 64

PREDICTION = Prediction(
    id="01938f6c6f3e7b5c8e0d6a1f2b3c4d5e",
    filename="slice.png",
    prediction="normal",
    confidence=0.97,
    probabilities=dict(zip(_LABELS, (0.01, 0.01, 0.97, 0.01), strict=True)),
    model_version=3,
    timestamp=_TIME,
    timings=Timings(read=0.5, decode=1.2, queue=0.1, backend=4.0, persist=0.6, total=6.4),
)
_NO_IMAGE = UnsupportedFormat("the file is neither a PNG nor a JPEG")
BATCH = BatchReply([BatchEntry.from_prediction(PREDICTION), BatchEntry("notes.txt", error=to_problem(_NO_IMAGE))])
_RECORDED = Recorded(**msgspec.structs.asdict(PREDICTION), caller="clinic")
HISTORY = HistoryReply([_RECORDED], next=4711)
EXPORTS = {MEDIA_TYPES[kind].partition(";")[0]: header(kind) + lines([_RECORDED], kind) for kind in get_args(Format)}
HEALTH = Health("ok", _TIME, model_loaded=True, model_version=3, reason="")
MODELS = Models(
    [
        ModelEntry(
            version=3,
            state="AVAILABLE",
            error="",
            current=True,
            since=_TIME,
            ready=True,
            role="stable",
            percent=100.0,
            labels=_LABELS,
            image=ImageSpec("L", 224, 224, "bilinear"),
            metrics={"accuracy": 0.93, "macro_f1": 0.92},
            digest=_DIGEST,
            architecture="compact",
            created_at=_TIME,
            curves=Curves(
                confusion=[[9, 0, 0, 1], [0, 10, 0, 0], [0, 0, 10, 0], [1, 0, 0, 9]],
                reliability=[Bin(low=0.6, high=0.8, images=8, confidence=0.71, accuracy=0.75)],
                roc=[[(0.0, 0.0), (0.03, 0.9), (1.0, 1.0)] for _ in _LABELS],
            ),
        )
    ]
)
VERSIONS = VersionHistory(
    [KnownVersion(3, _TIME, _DIGEST, "compact", _TIME, _DIGEST, _LABELS, {"accuracy": 0.93, "macro_f1": 0.92})], next=2
)
METRICS = ModelMetrics(3, "compact", _TIME, _DIGEST, _DIGEST, _LABELS, {"accuracy": 0.93, "macro_f1": 0.92})
EXPOSITION = "# TYPE gateway_batch_size histogram\n"
WANTED = {
    "the newest version": {"mode": "latest"},
    "one version": {"mode": "pinned", "version": 2, "reason": "ticket 7"},
    "a part of the traffic": {"mode": "canary", "version": 3, "percent": 10},
    "compared, never waited for": {"mode": "shadow", "version": 3, "percent": 20, "stable": 2},
}
_CANARY = Canary(version=3, percent=10, stable=2)
ROUTE = RouteState(
    current=_CANARY,
    effective=[Share(2, "stable", 90.0), Share(3, "candidate", 10.0)],
    why="",
    sequence=7,
    since=_TIME,
    actor="operator",
    reason="ticket 7",
    caller="ops",
)
ROUTES = RouteHistory([RouteChange(7, _TIME, _CANARY, "operator", "ticket 7", "ops")], next=6)
