"""By what names a request is known: its own id, and the trace that it belongs to. Without I/O."""

import re
import uuid
from typing import Final

REQUEST_ID: Final = "X-Request-ID"
"""The header by which a client names its request, and learns the name that the log has it under."""

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def request_id(header: bytes | None) -> str:
    """Return the id that a client chose, where it can stand in a log as it is, else a new one."""
    return header.decode("ascii") if header is not None and _ID.fullmatch(header) else uuid.uuid4().hex


def trace_of(header: bytes | None) -> dict[str, str]:
    """Return `trace_id` and `parent_id` of a `traceparent` header; nothing where it is none.

    https://www.w3.org/TR/trace-context/, also versions after 00, which may say more behind the flags.
    """
    match = _TRACEPARENT.fullmatch(header or b"")
    if match is None or (match[1] == b"00" and match[4]):
        return {}
    return {"trace_id": match[2].decode(), "parent_id": match[3].decode()}
