"""Answers about retraining, uploads and feedback, as the OpenAPI document shows them."""

import msgspec

from gateway.docs.examples import METRICS
from gateway.errors import UnsupportedFormat
from gateway.feedback.schemas import AccuracyReply, FeedbackReply, VersionAccuracy
from gateway.jobs.schemas import Measured, RetrainReply, TrainingSession, TrainingSessions, TrainingStatus
from gateway.problems import to_problem
from gateway.uploaded.schemas import UploadedFile, UploadedImage, UploadedSession, UploadReply

_TIME, _ENDED = "2026-11-28T12:00:00.000Z", "2026-11-28T12:20:00.000Z"
_SESSION, _PREDICTION = "0a938f6c6f3e7b5c8e0d6a1f2b3c4d5e", "01938f6c6f3e7b5c8e0d6a1f2b3c4d5e"
_SHA256 = "0" * 64

PARAMETERS = {"with fewer epochs": {"epochs": 5}}
PARAMETER_SCHEMA = {"type": "object", "properties": {"epochs": {"type": "integer", "minimum": 1}}}
RETRAINING = RetrainReply("retraining has started; GET /status follows it", _SESSION)
STATUS = TrainingStatus("completed", 100.0, "published version 4", _SESSION, _TIME, _ENDED)
SESSION = TrainingSession(
    session_id=_SESSION,
    status="completed",
    progress=100.0,
    message="published version 4",
    parameters={"epochs": 5},
    started=_TIME,
    ended=_ENDED,
    model_version=4,
    metrics={"accuracy": 0.94},
)
SESSIONS = TrainingSessions([SESSION], next=3)
LOG = '{"event": "epoch", "epoch": 1}\n'
MEASURED = Measured(**msgspec.structs.asdict(METRICS), training_history=[SESSION])
UPLOADED = UploadReply(
    "1 of 2 images are accepted",
    _SESSION,
    [
        UploadedFile("slice.png", "normal", accepted=True, duplicate=False, sha256=_SHA256),
        UploadedFile(
            "notes.txt",
            "normal",
            accepted=False,
            error=to_problem(UnsupportedFormat("the file is neither PNG nor JPEG")),
        ),
    ],
)
UPLOADS = UploadedSession(
    _SESSION, [UploadedImage("slice.png", "normal", _SHA256, 128_000, duplicate=False, timestamp=_TIME)], {"normal": 1}
)
TRUTH = {"what it was": {"prediction_id": _PREDICTION, "label": "normal"}}
FEEDBACK = FeedbackReply(_PREDICTION, "adenocarcinoma", "normal", correct=False, model_version=3)
ACCURACY = AccuracyReply([VersionAccuracy(3, images=120, accuracy=0.91)])
