"""Values behind the JSON: Triton's binary tensor data extension. Pure functions, no I/O.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import re
import struct
from collections.abc import Sequence

_LENGTH = struct.Struct("<I")
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


def split(body: bytes, json_length: str | None) -> tuple[memoryview, memoryview]:
    """Part a body into its JSON and what stands behind it.

    Args:
        body: the whole.
        json_length: the header `Inference-Header-Content-Length`; None where there is none, and all is JSON.

    Raises:
        ValueError: the header is no number of bytes that the body has.
    """
    whole = memoryview(body)
    if json_length is None:
        return whole, whole[len(whole) :]
    length = int(json_length) if _DIGITS.fullmatch(json_length) else -1
    if not 0 <= length <= len(whole):
        raise ValueError(f"Inference-Header-Content-Length is {json_length[:40]!r}; the body has {len(whole)} bytes")
    return whole[:length], whole[length:]


def split_elements(content: memoryview, count: int) -> list[bytes]:
    """Return the elements of a BYTES tensor: each behind its length, 4 bytes little-endian.

    Raises:
        ValueError: the content is not exactly `count` elements.
    """
    elements: list[bytes] = []
    position = 0
    while position < len(content):
        if len(elements) == count:
            raise ValueError(f"{len(content) - position} bytes are left after {count} elements")
        begin = position + _LENGTH.size
        if begin > len(content):
            raise ValueError(f"the length of element {len(elements)} is cut off")
        (length,) = _LENGTH.unpack(content[position:begin])
        position = begin + length
        if position > len(content):
            left = len(content) - begin
            raise ValueError(f"element {len(elements)} has {length} bytes by its length; {left} are there")
        elements.append(bytes(content[begin:position]))
    if len(elements) != count:
        raise ValueError(f"there are {len(elements)} elements; the shape says {count}")
    return elements


def join_elements(elements: Sequence[bytes]) -> bytes:
    """Return a BYTES tensor's content: the inverse of `split_elements`."""
    return b"".join(part for element in elements for part in (_LENGTH.pack(len(element)), element))
