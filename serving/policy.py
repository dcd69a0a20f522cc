"""What is a version, and what happens next: the rules of TensorFlow Serving as pure functions."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,1000})[ \t\n\v\f\r]*")


class Step(NamedTuple):
    """Something to do with a version."""

    action: Literal["load", "unload"]
    version: int


def scan(names: Iterable[str]) -> dict[int, str]:
    """Return the children of a base path which are versions: number to name.

    As `sources/storage_path/file_system_storage_path_source.cc` has it, a child is a version if its whole name is an
    int64 (`absl::SimpleAtoi`: outer blanks, a sign and leading zeros are allowed); of two names with the same number
    the later in sorted order counts. Everything else is ignored.
    """
    found = {}
    for name in sorted(names):
        match = _INTEGER.fullmatch(name)
        if match and -(2**63) <= int(match[1]) < 2**63:
            found[int(match[1])] = name
    return found


def latest(found: dict[int, str]) -> dict[int, str]:
    """Return what is to be served of the versions found: the highest, if any (`latest { num_versions: 1 }`)."""
    return {version: found[version] for version in sorted(found)[-1:]}


def next_step(aspired: AbstractSet[int], ready: AbstractSet[int], loadable: AbstractSet[int]) -> Step | None:
    """Decide what to do next so that some version stays available (`core/availability_preserving_policy.cc`).

    Args:
        aspired: the versions that are to be served.
        ready: those that can serve now.
        loadable: the aspired ones whose load may be tried now.
    """
    surplus = ready - aspired
    if surplus and (not aspired or aspired & ready or len(surplus) > 1):
        return Step("unload", min(surplus))
    return Step("load", max(loadable)) if loadable else None
