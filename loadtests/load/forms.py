"""Several images as one form (RFC 7578)."""

from collections.abc import Sequence
from typing import Final

from loadtests.images import Image

_BOUNDARY: Final = "pulmo7MA4YWxkTrZu0gW"
FORM_TYPE: Final = f"multipart/form-data; boundary={_BOUNDARY}"


def build_form(field: str, images: Sequence[Image]) -> bytes:
    """Return the body of a form in which `field` is repeated, once for each image; its type is `FORM_TYPE`."""
    parts: list[bytes] = []
    for image in images:
        name = image.name.encode("ascii", "replace").decode().replace('"', "_")
        head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {image.media_type}'
        parts += [f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode(), image.body, b"\r\n"]
    return b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()])
