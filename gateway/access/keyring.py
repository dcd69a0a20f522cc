"""The keys that hold now: those of the settings, or of a file that may change while the gateway runs."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from gateway.access.keys import ApiKey, KeysError, read_keys
from gateway.access.metrics import AccessMetrics

_LOOK_AGAIN_S = 1.0


class KeyRing:
    """A list of keys that follows its file, looked at once a second while there are requests.

    A file that cannot be read, or holds no key, changes nothing: it may be half written, and the keys before it are
    good. The file is read and not asked for its time of change, which cannot tell two changes in one tick apart; it
    is small, and in the page cache.

    Args:
        keys: that hold until the file says otherwise.
        file: that is followed; None where the keys are part of the settings.
        metrics: of the gateway.
        clock: seconds.
    """

    def __init__(
        self,
        keys: Sequence[ApiKey],
        file: Path | None,
        metrics: AccessMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = tuple(keys)
        self._file = file
        self._metrics = metrics
        self._clock = clock
        self._looked = clock()
        self._seen: bytes | None = None
        self._log = structlog.get_logger()
        metrics.keys.set(len(self._keys))

    def current(self) -> Sequence[ApiKey]:
        """Return the keys that hold now."""
        if self._file is not None and (now := self._clock()) - self._looked >= _LOOK_AGAIN_S:
            self._looked = now
            self._look(self._file)
        return self._keys

    def _look(self, file: Path) -> None:
        try:
            content = file.read_bytes()
        except OSError as error:
            self._keep(b"", f"it cannot be read: {error.strerror}")
            return
        if content == self._seen:
            return
        try:
            keys = read_keys(content.decode("utf-8", "replace"))
        except KeysError as error:
            self._keep(content, str(error))
            return
        if not keys:
            self._keep(content, "it holds no key")
            return
        self._seen = content
        if keys != self._keys:
            self._keys = keys
            self._metrics.reloads.labels("taken").inc()
            self._metrics.keys.set(len(keys))
            self._log.info("API keys changed", keys=len(keys))

    def _keep(self, content: bytes, reason: str) -> None:
        """Go on with the keys before, and say so once."""
        if content != self._seen:
            self._metrics.reloads.labels("refused").inc()
            self._log.error("API keys not changed", file=str(self._file), reason=reason)
        self._seen = content
