"""What is a version, which are to be served, and what happens next: rules of TensorFlow Serving as pure functions."""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

T = TypeVar("T")
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,1000})[ \t\n\v\f\r]*")


@dataclass(frozen=True)
class Latest:
    """Serve the highest `count` versions."""

    count: int = 1


@dataclass(frozen=True)
class All:
    """Serve every version."""


@dataclass(frozen=True)
class Specific:
    """Serve the versions that are named, as far as they are there."""

    versions: frozenset[int]


Policy = Latest | All | Specific


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


def aspire(policy: Policy, found: Mapping[int, T], pending: AbstractSet[int] = frozenset()) -> dict[int, T]:
    """Return which of the versions found, by number, are to be served.

    `pending` is where we are kinder than TensorFlow Serving: of a policy "latest", versions that cannot serve, not yet
    or not at all, do not take the place of lower ones. They stay aspired, so that they are loaded, first of all; but as
    many others are served as the policy asks for. With an empty `pending` the rules are the original's. The policies
    "all" and "specific" have no lower versions to offer.
    """
    if isinstance(policy, All):
        return dict(found)
    if isinstance(policy, Specific):
        return {version: found[version] for version in sorted(policy.versions & found.keys())}
    chosen: dict[int, T] = {}
    for version in sorted(found, reverse=True):
        if len(chosen.keys() - pending) == policy.count:
            break
        chosen[version] = found[version]
    return chosen


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
