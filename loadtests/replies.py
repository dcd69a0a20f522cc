"""HTTP/1.1 replies out of the bytes of a connection (RFC 9112, sections 6 and 7); no I/O."""

from collections.abc import Mapping
from typing import Final, NamedTuple

_LARGEST_HEAD: Final = 65_536  # bytes


class Reply(NamedTuple):
    """One whole answer."""

    status: int
    headers: Mapping[str, str]
    """By name, in lower case."""
    body: bytes
    keeps: bool
    """Whether the connection may carry the next request."""


class BrokenReply(ValueError):
    """What the server sent is no HTTP/1.1 reply."""


class ReplyParser:
    """Takes a connection's bytes as they come, and gives one reply after the other."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._status = 0
        self._headers: dict[str, str] | None = None
        """None until the head of the reply is whole."""

    def feed(self, data: bytes) -> Reply | None:
        """Take bytes; return the reply where they complete one.

        Raises:
            BrokenReply: this is not HTTP/1.1.
        """
        self._buffer += data
        while self._headers is None:
            if not self._read_head():
                return None
        body = self._body(self._headers)
        return None if body is None else self._finish(body, self._headers)

    def end(self) -> Reply | None:
        """Return the reply that ends with the connection, where one does."""
        headers = self._headers
        if headers is None or "content-length" in headers or _is_chunked(headers):
            return None
        body = bytes(self._buffer)
        self._buffer.clear()
        return self._finish(body, {**headers, "connection": "close"})

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LARGEST_HEAD:
                raise BrokenReply(f"the head of the reply is longer than {_LARGEST_HEAD} bytes")
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
            raise BrokenReply(f"the reply begins with {first[:80]!r}")
        if rest[0] == "1":  # 100 Continue and its like: the reply is still to come
            return bool(self._buffer)
        self._status = int(rest[:3])
        fields = (line.partition(":") for line in lines)
        self._headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        return True

    def _body(self, headers: Mapping[str, str]) -> bytes | None:
        if _is_chunked(headers):
            return self._chunked_body()
        if self._status in (204, 304):
            return b""
        if "content-length" not in headers:
            return None
        length = int(headers["content-length"])
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _chunked_body(self) -> bytes | None:
        """Return the body once its last chunk is there; replies here are short, so each try begins anew."""
        position, chunks = 0, list[bytes]()
        while (line := self._buffer.find(b"\r\n", position)) >= 0:
            try:
                size = int(self._buffer[position:line].split(b";")[0], 16)
            except ValueError as error:
                raise BrokenReply(f"a chunk begins with {bytes(self._buffer[position:line])[:80]!r}") from error
            position = line + 2
            if size == 0:
                return self._after_last_chunk(position, b"".join(chunks))
            chunks.append(bytes(self._buffer[position : position + size]))
            position += size + 2
        return None

    def _after_last_chunk(self, position: int, body: bytes) -> bytes | None:
        """Take the trailers, which end with an empty line; we need none of them."""
        while (line := self._buffer.find(b"\r\n", position)) >= 0:
            if line == position:
                del self._buffer[: line + 2]
                return body
            position = line + 2
        return None

    def _finish(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        self._headers = None
        return Reply(self._status, headers, body, keeps=headers.get("connection", "").lower() != "close")


def _is_chunked(headers: Mapping[str, str]) -> bool:
    return headers.get("transfer-encoding", "").lower().endswith("chunked")
