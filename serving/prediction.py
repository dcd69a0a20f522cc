"""One Predict call against any model, from request to response: `servables/tensorflow/predict_util.cc`."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import grpc

from proto import tfserving_pb2 as pb
from serving.errors import ServingError, invalid
from serving.tensors import Array, to_array, to_tensor

DEFAULT_SIGNATURE = "serving_default"


class Model(Protocol):
    """A loaded version: it tells its signatures and runs them, from several threads at once."""

    @property
    def signatures(self) -> Mapping[str, pb.SignatureDef]:
        """The signatures by their names."""

    def run(
        self, signature: str, inputs: Mapping[str, Array], outputs: Sequence[str], timeout_s: float | None
    ) -> Mapping[str, Array]:
        """Compute the `outputs` of a signature, by alias, within `timeout_s` seconds; None is no limit.

        Raises:
            ServingError: the model refused the inputs or failed on them, or DEADLINE_EXCEEDED.
        """

    def close(self) -> None:
        """Free its memory; no call is under way and none comes any more."""


class Call(Protocol):
    """Whether anybody still wants the answer; the part of `grpc.ServicerContext` that a prediction looks at."""

    def is_active(self) -> bool:
        """Whether the client still waits."""

    def time_remaining(self) -> float | None:
        """Seconds until the deadline; None without one."""


def ensure_wanted(call: Call) -> None:
    """Spare the model a call that nobody waits for.

    Raises:
        ServingError: DEADLINE_EXCEEDED or CANCELLED.
    """
    remaining = call.time_remaining()
    if remaining is not None and remaining <= 0:
        raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "The deadline passed before the model ran.")
    if not call.is_active():
        raise ServingError(grpc.StatusCode.CANCELLED, "The client left before the model ran.")


def predict(
    model: Model, request: pb.PredictRequest, call: Call | None = None, *, as_content: bool = False
) -> pb.PredictResponse:
    """Run the signature that `request` names, `serving_default` if none; the reply's `model_spec` holds its name only.

    Args:
        model: the version to ask.
        request: its model name and version are not looked at.
        call: looked at before the model runs; None for a call that is always wanted.
        as_content: write outputs as `tensor_content` instead of typed fields.

    Raises:
        ServingError: the signature, the inputs or the output filter do not fit, or the model failed.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    if name not in model.signatures:
        raise ServingError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
    signature = model.signatures[name]
    inputs = _inputs(signature.inputs, request.inputs)
    wanted = _outputs(signature.outputs, request.output_filter)
    if call is not None:
        ensure_wanted(call)
    values = model.run(name, inputs, wanted, None if call is None else call.time_remaining())
    response = pb.PredictResponse(model_spec=pb.ModelSpec(signature_name=name))
    for alias in wanted:
        response.outputs[alias].CopyFrom(_output(alias, values[alias], as_content=as_content))
    return response


def _inputs(wanted: Mapping[str, pb.TensorInfo], given: Mapping[str, pb.Tensor]) -> dict[str, Array]:
    if len(given) != len(wanted):
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(wanted)} "
            f"len({_set(given)}) != len({_set(wanted)}). "
            f"Sent extra: {_set(set(given) - set(wanted))}. Missing but required: {_set(set(wanted) - set(given))}."
        )
    arrays = {}
    for position, (alias, info) in enumerate(sorted(wanted.items())):
        if alias not in given:
            raise invalid(
                f"Signature input alias: {alias}(feed name: {info.name}) not found in request and no default value "
                f"provided. Inputs expected to be in the request {_set(given)}, or default input alias set: "
            )
        arrays[alias] = _input(alias, position, info, given[alias])
    return arrays


def _input(alias: str, position: int, info: pb.TensorInfo, tensor: pb.Tensor) -> Array:
    try:
        array = to_array(tensor)
    except ValueError as error:
        raise invalid(f"tensor parsing error: {alias}: {error}") from error
    if tensor.dtype != info.dtype:
        given, wanted = _type(tensor.dtype), _type(info.dtype)
        raise invalid(f"Expects arg[{position}] to be {wanted} but {given} is provided")
    if not _fits(array.shape, info.tensor_shape):
        sizes = ["?" if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
        raise invalid(
            f"input {alias} has the shape {list(array.shape)}; the signature takes [{', '.join(map(str, sizes))}]"
        )
    return array


def _fits(shape: Sequence[int], wanted: pb.TensorShape) -> bool:
    if wanted.unknown_rank:
        return True
    sizes = [dim.size for dim in wanted.dim]
    return len(shape) == len(sizes) and all(want in (-1, size) for size, want in zip(shape, sizes, strict=True))


def _outputs(known: Mapping[str, pb.TensorInfo], output_filter: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    for alias in output_filter:
        if alias not in known:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set {_set(known)}."
            )
        if alias in seen:
            raise invalid(f"duplicate output tensor alias: {alias}")
        seen.add(alias)
    return sorted(seen) or sorted(known)


def _output(alias: str, array: Array, *, as_content: bool) -> pb.Tensor:
    try:
        return to_tensor(array, as_content=as_content)
    except ValueError as error:
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"output {alias}: {error}") from error


def _type(number: pb.DataType) -> str:
    """Return TensorFlow's name of a dtype, for instance `float` (`DataTypeString`); its number if we do not know it."""
    return pb.DataType.Name(number).removeprefix("DT_").lower() if number in pb.DataType.values() else str(number)


def _set(names: Mapping[str, object] | set[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
