"""Replay a version's warm-up records before it is served: `servables/tensorflow/saved_model_warmup.cc`."""

from collections.abc import Iterable

import grpc
from google.protobuf.message import DecodeError

from proto import tfserving_pb2 as pb
from serving.errors import ServingError, invalid
from serving.prediction import Model, predict

LIMIT = 1000


def replay(model: Model, records: Iterable[bytes]) -> int:
    """Send each record, a serialized PredictionLog, through `model`, and return how many there were.

    Raises:
        ServingError: there are more than 1000 records, one is no PredictionLog of a Predict call, or one fails.
    """
    count = 0
    for count, record in enumerate(records, start=1):
        if count > LIMIT:
            raise invalid(f"Number of warmup records exceeds the maximum ({LIMIT})")
        predict(model, _request(record))
    return count


def _request(record: bytes) -> pb.PredictRequest:
    try:
        log = pb.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record: {error}") from error
    if not log.HasField("predict_log"):
        raise ServingError(
            grpc.StatusCode.UNIMPLEMENTED, "Unsupported log_type for warmup: only predict_log is understood"
        )
    return log.predict_log.request
