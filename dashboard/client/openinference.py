"""One image put to one version, whatever the route says: the Open Inference Protocol, with the file as binary data.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import struct
from typing import Final

import msgspec

_LENGTH: Final = struct.Struct("<I")
_WANTED: Final = ("labels", "probabilities")


class IndexEntry(msgspec.Struct, frozen=True):
    """A version, from `POST /v2/repository/index`."""

    name: str
    """Of the model."""
    version: str


class Opinion(msgspec.Struct, frozen=True):
    """What a version says of an image."""

    label: str
    confidence: float
    """The label's probability, 0 to 1."""


class Output(msgspec.Struct, frozen=True):
    """A tensor of the answer."""

    name: str
    data: list[float | str]


class Reply(msgspec.Struct, frozen=True):
    """The answer about one image."""

    outputs: list[Output]

    def opinion(self) -> Opinion:
        """Return what it says.

        Raises:
            ValueError: it is not the answer to `question`.
        """
        found = {output.name: output.data for output in self.outputs}
        if len(found.get("labels", [])) != 1 or not found.get("probabilities"):
            raise ValueError(f"the outputs are {sorted(found)}; {', '.join(_WANTED)} of one image were asked for")
        return Opinion(str(found["labels"][0]), max(map(float, found["probabilities"])))


def question(image: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body that ask about a file."""
    element = _LENGTH.pack(len(image)) + image
    tensor = {
        "name": "image",
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"binary_data_size": len(element)},
    }
    text = msgspec.json.encode({"inputs": [tensor], "outputs": [{"name": name} for name in _WANTED]})
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(text))}
    return headers, text + element
