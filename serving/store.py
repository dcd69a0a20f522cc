"""The base path of one model: what lies in it, and whether that can be known."""

import logging
import os
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

from serving.configuration import ModelSettings
from serving.policy import Specific, aspire, scan

_LOG = logging.getLogger(__name__)

Fingerprint = frozenset[tuple[str, int, int]]
"""The content of a folder as far as it can be told without reading files: path, bytes and time of change of each."""


def fingerprint(folder: Path) -> Fingerprint:
    """Return what distinguishes the present content of `folder` from an earlier one; empty if it is not there."""
    found = set()
    for parent, folders, files in os.walk(folder):
        for name in [".", *folders, *files]:
            path = os.path.join(parent, name)  # noqa: PTH118 - a Path would drop the dot
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue  # it went while we looked: the next look will tell
            found.add((path, status.st_size, status.st_mtime_ns))
    return frozenset(found)


class Store:
    """The base path of `model`, looked at by one thread; `clock` counts the seconds."""

    def __init__(self, model: ModelSettings, *, clock: Callable[[], float]) -> None:
        self.base_path = model.base_path
        self.policy = model.policy
        self.seen = False
        """Whether there was a look."""
        self.readable = True
        """Whether the last look succeeded."""
        self.emptied = False
        """Whether the last look found no version that the policy asks for."""
        self.looked_at: float | None = None
        """The time of the clock at the last look that succeeded."""
        self._name = model.name
        self._missing: AbstractSet[int] = frozenset()
        self._clock = clock

    def look(self, *, keep: bool) -> dict[int, Path] | None:
        """Return the folders of the versions that are there.

        None means that what was known before holds on: the base path cannot be read, or, if `keep`, has no version that
        the policy asks for.
        """
        self.seen = True
        try:
            names = scan(child.name for child in self.base_path.iterdir())
        except OSError as error:
            if self.readable:
                _LOG.error("base path unreadable name=%s error=%s", self._name, error)
            self.readable = False
            return None
        if not self.readable:
            _LOG.info("base path readable again name=%s", self._name)
        self.readable, self.looked_at = True, self._clock()
        self._note_absence(names.keys(), keep=keep)
        if self.emptied and keep:
            return None
        return {version: self.base_path / name for version, name in names.items()}

    def _note_absence(self, found: AbstractSet[int], *, keep: bool) -> None:
        """Warn, once, of a base path without versions, and of versions that are asked for by number and missing."""
        emptied = not aspire(self.policy, dict.fromkeys(found, ""))
        if emptied and not self.emptied:
            _LOG.warning(
                "No versions of servable %s found under base path %s. Did you forget to name your leaf directory as a "
                "number (eg. '/1/')? The versions that serve are %s.",
                *(self._name, self.base_path, "kept" if keep else "unloaded"),
            )
        if self.emptied and not emptied:
            _LOG.info("versions found again name=%s", self._name)
        self.emptied = emptied
        missing = self.policy.versions - found if isinstance(self.policy, Specific) else frozenset()
        if missing - self._missing:
            _LOG.warning(
                "Versions %s of servable %s, which it is to serve, are not in base path %s.",
                *(sorted(missing), self._name, self.base_path),
            )
        self._missing = missing
