"""Predictions to the answer of the protocol. Pure functions, no I/O."""

from collections.abc import Sequence

import msgspec
import numpy as np
from msgspec import UNSET

from gateway.errors import InvalidInference
from gateway.openinference import binary
from gateway.openinference.messages import (
    BinarySize,
    Datatype,
    InferenceRequest,
    InferenceResponse,
    OutputParameters,
    RequestOutput,
    ResponseOutput,
)
from gateway.schemas import Prediction

PROBABILITIES, LABELS, IDS = OUTPUTS = ("probabilities", "labels", "ids")
"""Of each class in the manifest's order; the most probable class; the id in the history."""


class Reply(msgspec.Struct, frozen=True):
    """What is sent."""

    body: bytes
    json_length: int | None
    """Of the JSON in front of the binary data; None where all is JSON."""


class _Tensor(msgspec.Struct, frozen=True):
    name: str
    datatype: Datatype
    shape: list[int]
    values: Sequence[float | str]

    def content(self) -> bytes:
        """Return the values as they stand behind the JSON."""
        if self.datatype == "FP32":
            return np.array(self.values, "<f4").tobytes()
        return binary.join_elements([str(value).encode() for value in self.values])


def check_wanted(request: InferenceRequest) -> None:
    """Refuse outputs that there are not, before any work is done for the others.

    Raises:
        InvalidInference: an output is unknown, named twice, or wanted in a way that is not offered.
    """
    names = [output.name for output in request.outputs]
    if not set(names) <= set(OUTPUTS) or len(set(names)) < len(names):
        shown = [name[:40] for name in names]
        raise InvalidInference(f"the outputs are {shown}; ask for each of {list(OUTPUTS)} once, or for none to get all")
    for output in request.outputs:
        if output.parameters.shared_memory_region is not UNSET:
            raise InvalidInference(f"{output.name} is wanted in shared memory, which is not offered")
        if output.parameters.classification and output.name != PROBABILITIES:
            raise InvalidInference(f"{output.name} is wanted as a classification; {PROBABILITIES} alone can be")


def reply(model: str, request: InferenceRequest, predictions: Sequence[Prediction]) -> Reply:
    """Return the answer to a request.

    Args:
        model: the name under which it was asked.
        request: one whose outputs were checked.
        predictions: of one version, one for each row, at least one.
    """
    outputs: list[ResponseOutput] = []
    contents: list[bytes] = []
    for wanted in request.outputs or [RequestOutput(name) for name in OUTPUTS]:
        tensor = _tensor(wanted, predictions)
        if _is_binary(wanted.parameters, request):
            contents.append(tensor.content())
            size = BinarySize(len(contents[-1]))
            outputs.append(ResponseOutput(tensor.name, tensor.datatype, tensor.shape, parameters=size))
        else:
            outputs.append(ResponseOutput(tensor.name, tensor.datatype, tensor.shape, data=tensor.values))
    response = InferenceResponse(model, str(predictions[0].model_version), outputs, request.id)
    text = msgspec.json.encode(response)
    return Reply(b"".join([text, *contents]), len(text) if contents else None)


def _is_binary(parameters: OutputParameters, request: InferenceRequest) -> bool:
    if parameters.binary_data is UNSET:
        return request.parameters.binary_data_output
    return parameters.binary_data


def _tensor(wanted: RequestOutput, predictions: Sequence[Prediction]) -> _Tensor:
    rows = len(predictions)
    if wanted.name == LABELS:
        return _Tensor(LABELS, "BYTES", [rows], [prediction.prediction for prediction in predictions])
    if wanted.name == IDS:
        return _Tensor(IDS, "BYTES", [rows], [prediction.id for prediction in predictions])
    classes = len(predictions[0].probabilities)
    if wanted.parameters.classification:
        highest = min(wanted.parameters.classification, classes)
        strings = [text for prediction in predictions for text in _classification(prediction, highest)]
        return _Tensor(PROBABILITIES, "BYTES", [rows, highest], strings)
    values = [value for prediction in predictions for value in prediction.probabilities.values()]
    return _Tensor(PROBABILITIES, "FP32", [rows, classes], values)


def _classification(prediction: Prediction, count: int) -> list[str]:
    """Return the `count` highest as `<value>:<index>:<label>`, the highest first: Triton's classification extension.

    https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
    """
    classes = [(value, index, label) for index, (label, value) in enumerate(prediction.probabilities.items())]
    classes.sort(key=lambda entry: -entry[0])
    return [f"{value:f}:{index}:{label}" for value, index, label in classes[:count]]
