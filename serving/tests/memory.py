"""A model that lives in memory, and a store full of them: what serves and swaps models need not know TensorFlow."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc
import numpy as np

from proto import tfserving_pb2 as pb
from serving.errors import ServingError
from serving.tensors import Array, to_tensor


class MemoryModel:
    """Answers `x`, float32 `[n]`, with `double` and `half`; a look at it waits for `lookup`, a run for `gate`."""

    def __init__(self) -> None:
        self.lookup, self.gate = threading.Event(), threading.Event()
        self.lookup.set()
        self.gate.set()
        self.started = threading.Semaphore(0)
        """Released at the beginning of each run."""
        self.runs = 0
        self.timeout_s: float | None = None
        """What the last run was given."""
        self.closed = False

    @property
    def signatures(self) -> Mapping[str, pb.SignatureDef]:
        self.lookup.wait(30)
        shape = pb.TensorShape(dim=[pb.TensorShape.Dim(size=-1)])
        info = pb.TensorInfo(name="x:0", dtype=pb.DT_FLOAT, tensor_shape=shape)
        return {"serving_default": pb.SignatureDef(inputs={"x": info}, outputs={"double": info, "half": info})}

    def run(
        self, signature: str, inputs: Mapping[str, Array], outputs: Sequence[str], timeout_s: float | None
    ) -> Mapping[str, Array]:
        assert signature == "serving_default"
        assert not self.closed
        self.timeout_s = timeout_s
        self.runs += 1
        self.started.release()
        self.gate.wait(30)
        if np.isnan(inputs["x"]).any():
            raise ServingError(grpc.StatusCode.INVALID_ARGUMENT, "x holds NaN")
        answers = {"double": inputs["x"] * 2, "half": inputs["x"] / 2}
        return {alias: answers[alias] for alias in outputs}

    def close(self) -> None:
        self.closed = True


class MemoryStore:
    """A base path whose versions load as MemoryModels, but for those that are `broken`; `loads` lists every attempt."""

    def __init__(self, base_path: Path) -> None:
        self.base_path = base_path
        self.models: dict[int, MemoryModel] = {}
        self.broken: set[int] = set()
        self.loads: list[int] = []

    def add(self, *versions: int) -> None:
        for version in versions:
            (self.base_path / str(version)).mkdir(parents=True)

    def remove(self, *versions: int) -> None:
        for version in versions:
            (self.base_path / str(version)).rmdir()

    def load(self, path: Path) -> MemoryModel:
        version = int(path.name)
        self.loads.append(version)
        if version in self.broken:
            raise ServingError(grpc.StatusCode.DATA_LOSS, f"version {version} is broken")
        self.models[version] = MemoryModel()
        return self.models[version]


def request(*values: float, signature: str = "") -> pb.PredictRequest:
    """Return a request to the latest version of the model `lung`."""
    message = pb.PredictRequest(model_spec=pb.ModelSpec(name="lung", signature_name=signature))
    message.inputs["x"].CopyFrom(to_tensor(np.array(values, np.float32)))
    return message
