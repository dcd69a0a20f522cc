"""The paths of the REST API: the expressions of TensorFlow Serving's `model_servers/http_rest_api_util.cc`."""

import re
from typing import Literal, NamedTuple
from urllib.parse import unquote

from proto import tfserving_pb2 as pb
from serving.errors import invalid

_MODEL = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_FLAGS = re.IGNORECASE | re.ASCII
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_MODEL}:(?P<method>classify|regress|predict)", re.IGNORECASE | re.ASCII
)
_GET = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_MODEL}(?:/(?P<metadata>metadata))?", _FLAGS)
_API = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)

Method = Literal["predict", "classify", "regress", "status", "metadata"]


class Route(NamedTuple):
    """What a request asks for, and of which model."""

    method: Method
    spec: pb.ModelSpec


def is_api(path: str) -> bool:
    """Whether a path belongs to the API; other paths are not found."""
    return _API.fullmatch(path) is not None


def route(verb: str, path: str) -> Route:
    """Return what `verb` on `path` asks for; letters may be small or capital, names may be percent-encoded.

    Raises:
        ServingError: INVALID_ARGUMENT, nothing that is known, or a version beyond int64.
    """
    expression = {"POST": _POST, "GET": _GET}.get(verb)
    match = expression.fullmatch(path) if expression else None
    if match is None:
        raise invalid(f"Malformed request: {verb} {path}")
    parts = match.groupdict()
    if not parts["name"]:
        raise invalid("Missing model name in request.")
    spec = pb.ModelSpec(name=unquote(parts["name"]))
    if parts["version"]:
        spec.version.value = _version(parts["version"])
    if parts["label"]:
        spec.version_label = unquote(parts["label"])
    if verb == "GET":
        return Route("metadata" if parts["metadata"] else "status", spec)
    methods: dict[str, Method] = {"predict": "predict", "classify": "classify", "regress": "regress"}
    return Route(methods[parts["method"].lower()], spec)


def _version(digits: str) -> int:
    if len(digits) > len(str(2**63)) or int(digits) >= 2**63:
        raise invalid(f"Failed to convert version: {digits} to numeric.")
    return int(digits)
