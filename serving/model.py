"""A SavedModel in this process. The only file of the model server that imports TensorFlow."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from proto import tfserving_pb2 as pb
from serving.errors import ServingError, invalid, status_code
from serving.tensors import Array
from serving.warmup import replay

_Function = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Eager tensors to eager tensors, by alias."""
_WARMUP = Path("assets.extra/tf_serving_warmup_requests")


def configure(*, intra_op: int, inter_op: int, mixed_precision: str) -> None:
    """Set what TensorFlow takes once per process; to be called before the first load.

    Args:
        intra_op: threads of one operation; 0 leaves it to TensorFlow.
        inter_op: operations that run at a time; 0 leaves it to TensorFlow.
        mixed_precision: `bfloat16` has oneDNN compute in bfloat16 where that is safe; empty computes as the model says.
    """
    tf.config.threading.set_intra_op_parallelism_threads(intra_op)
    tf.config.threading.set_inter_op_parallelism_threads(inter_op)
    if mixed_precision == "bfloat16":
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})


class SavedModel:
    """A version in memory: its signatures, each a TensorFlow function.

    `loaded` is what `tf.saved_model.load` returned; it keeps alive what the functions use, lookup tables for instance.
    """

    def __init__(self, signatures: Mapping[str, pb.SignatureDef], loaded: Any) -> None:  # noqa: ANN401 - untyped there
        self.signatures = signatures
        self._loaded = loaded
        self._functions = {name: _frozen(loaded.signatures[name], signatures[name]) for name in signatures}

    def run(self, signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Compute all outputs of a signature, by alias; thread-safe.

        Raises:
            ServingError: TensorFlow's code and text, or INVALID_ARGUMENT where its Python part refused an input.
        """
        try:
            outputs = self._functions[signature]({alias: tf.constant(array) for alias, array in inputs.items()})
        except tf.errors.OpError as error:
            raise ServingError(status_code(error.error_code), error.message) from error
        except (TypeError, ValueError) as error:
            raise invalid(str(error)) from error
        return {alias: _array(output) for alias, output in outputs.items()}


def load(path: Path, *, warm_up: bool) -> SavedModel:
    """Load the SavedModel in the folder `path` and replay its warm-up records, if there are any and `warm_up`.

    Raises:
        ServingError: it cannot be loaded, or a warm-up record is corrupt or fails.
    """
    try:
        model = SavedModel(_signatures(path), tf.saved_model.load(str(path), tags=["serve"]))
    except tf.errors.OpError as error:
        raise ServingError(status_code(error.error_code), error.message) from error
    except Exception as error:  # the bytes on disk decide what the loader raises
        raise ServingError(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}") from error
    if warm_up and (path / _WARMUP).exists():
        replay(model, _records(path / _WARMUP))
    return model


def _frozen(function: Any, signature: pb.SignatureDef) -> _Function:  # noqa: ANN401 - a ConcreteFunction
    """Return a signature with its variables frozen into constants, or as it is if it uses more than variables.

    TensorFlow folds constants: a small CNN which its exporter had not frozen ran a third faster at batch 32.
    """
    frozen = convert_variables_to_constants_v2(function)
    inputs, outputs = sorted(signature.inputs), sorted(signature.outputs)  # the order in which TensorFlow flattens them
    if len(frozen.inputs) > len(inputs):
        return lambda tensors: function(**tensors)
    return lambda tensors: dict(zip(outputs, frozen(*(tensors[alias] for alias in inputs)), strict=True))


def _array(tensor: Any) -> Array:  # noqa: ANN401 - an eager tensor
    """Return the values of a tensor; strings as `bytes` in an object array, also a scalar one."""
    return np.asarray(tensor.numpy(), np.dtype("O") if tensor.dtype == tf.string else None)


def _signatures(path: Path) -> dict[str, pb.SignatureDef]:
    """Read the signatures from `saved_model.pb`; TensorFlow's messages and ours have the same bytes."""
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    (graph,) = (meta for meta in saved.meta_graphs if list(meta.meta_info_def.tags) == ["serve"])
    return {
        name: pb.SignatureDef.FromString(definition.SerializeToString())
        for name, definition in graph.signature_def.items()
        if not name.startswith("__")
    }


def _records(path: Path) -> Iterator[bytes]:
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError as error:
        message = f"{error.message} Please verify your warmup data is in TFRecord format."
        raise ServingError(grpc.StatusCode.DATA_LOSS, message) from error
