"""A version in memory: its signatures, by the names of their inputs and outputs, over a session."""

from collections.abc import Mapping, Sequence

import grpc

from proto import tensorflow_pb2 as tf
from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.libtensorflow import Output
from serving.session import Session
from serving.tensors import Array


class SavedModel:
    """A loaded version (`serving.prediction.Model`)."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.meta_graph: tf.MetaGraphDef = session.meta_graph
        self.signatures: Mapping[str, pb.SignatureDef] = {
            name: signature
            for name, signature in session.meta_graph.signature_def.items()
            if not name.startswith("__")  # what only the loader uses
        }
        self._tensors = {
            info.name: session.output(info.name)
            for signature in self.signatures.values()
            for info in (*signature.inputs.values(), *signature.outputs.values())
        }

    def run(
        self, signature: str, inputs: Mapping[str, Array], outputs: Sequence[str], timeout_s: float | None
    ) -> Mapping[str, Array]:
        """Compute `outputs` of a signature, by alias; thread-safe. See `serving.prediction.Model`."""
        definition = self.signatures[signature]
        feeds = [self._tensor(definition.inputs[alias]) for alias in inputs]
        fetches = [self._tensor(definition.outputs[alias]) for alias in outputs]
        values = self._session.run(feeds, list(inputs.values()), fetches, timeout_s)
        return dict(zip(outputs, values, strict=True))

    def close(self) -> None:
        """Free its memory; no call may be under way."""
        self._session.close()

    def _tensor(self, info: pb.TensorInfo) -> Output:
        found = self._tensors[info.name]
        if found is None:
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"the graph has no tensor {info.name!r}")
        return found
