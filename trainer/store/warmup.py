"""Warm-up records: requests that TensorFlow Serving answers to itself before a version becomes available.

The file is a TFRecord of PredictionLog messages, one for each batch size in use, so that no client pays for the first
call of a size, and one for `describe`, which the gateway asks for first of all: a first call optimises the whole graph.
https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from gateway.imaging import ImageSpec
from trainer.errors import ParityError
from trainer.untyped import PredictRequest, SavedModel

BATCH_SIZES = (1, 2, 4, 8, 16, 32)


def write_warmup(path: Path, model_name: str, spec: ImageSpec) -> None:
    """Write one record for each of `BATCH_SIZES`; the images are noise, so that no patient's image is published."""
    rng = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for size in BATCH_SIZES:
            request = _request(model_name, "serving_default")
            images = rng.integers(0, 256, (size, *spec.shape), np.uint8)
            request.inputs["images"].CopyFrom(tf.make_tensor_proto(images))
            writer.write(_record(request))
        writer.write(_record(_request(model_name, "describe")))


def replay_warmup(path: Path, loaded: SavedModel) -> tuple[int, ...]:
    """Answer every record of `path` with a loaded SavedModel, as the server will, and return their batch sizes.

    Raises:
        ParityError: a record cannot be answered, or a size is missing; the server would refuse the version.
    """
    sizes: list[int] = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        serve = loaded.signatures[request.model_spec.signature_name]
        answer = serve(**{name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()})
        if "probabilities" in answer:
            sizes.append(int(answer["probabilities"].shape[0]))
    if tuple(sizes) != BATCH_SIZES:
        raise ParityError(f"{path} holds records for the batch sizes {sizes}; {list(BATCH_SIZES)} are needed")
    return tuple(sizes)


def _request(model_name: str, signature: str) -> PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature
    return request


def _record(request: PredictRequest) -> bytes:
    log = prediction_log_pb2.PredictLog(request=request)
    record: bytes = prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString()
    return record
