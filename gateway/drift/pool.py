"""How the workers of a gateway tell each other what they counted: each has a file, which all read."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.drift.tally import Tally
from gateway.exposition import has_ended, is_child

_PREFIX, _SUFFIX = "drift_", ".json"


class Pool:
    """The files, in the folder in which workers keep their metrics; it is removed with the gateway."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def exchange(self, own: Sequence[Tally]) -> list[Tally]:
        """Write what this worker counted, and return what the others did that live."""
        self._write(own)
        found: list[Tally] = []
        for file in self._folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            number = int(file.stem.removeprefix(_PREFIX))
            if number == os.getpid():
                continue
            with suppress(FileNotFoundError):  # another worker was faster
                if is_child(number, os.getppid()) and not has_ended(number):
                    found += msgspec.json.decode(file.read_bytes(), type=list[Tally])
                else:
                    file.unlink()
        return found

    def _write(self, own: Sequence[Tally]) -> None:
        file = self._folder / f"{_PREFIX}{os.getpid()}{_SUFFIX}"
        partial = file.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(own))
        partial.replace(file)  # nobody reads a half of it
