"""How many requests were sent to which route and how they were answered, counted by those who sent them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

UNANSWERED = "none"
"""Stands for the status of a request that had no whole answer."""


class Kind(NamedTuple):
    """What requests are told apart by, as in the gateway's `gateway_requests_total`."""

    route: str
    method: str
    code: str
    """The HTTP status, or `UNANSWERED`."""


Counts: TypeAlias = Mapping[Kind, int]
Rows: TypeAlias = list[list[str | int]]


def to_rows(counts: Counts) -> Rows:
    """Return `[route, method, code, count]` of each kind, sorted: what JSON and MessagePack can hold."""
    return [[*kind, number] for kind, number in sorted(counts.items())]


def from_rows(rows: Iterable[Iterable[str | int]]) -> Counter[Kind]:
    """Return what `to_rows` was given; rows of one kind are added up."""
    counts: Counter[Kind] = Counter()
    for route, method, code, number in rows:
        counts[Kind(str(route), str(method), str(code))] += int(number)
    return counts


def compare(sent: Counts, counted: Counts, *, shared: bool = False) -> list[str]:
    """Return in words how what was sent differs from what the gateway counted; nothing where they are equal.

    Args:
        sent: by the load generator.
        counted: by the gateway meanwhile; of other routes than those in `sent` nothing is said.
        shared: others may have asked the gateway too, so it may have counted more.
    """
    routes = {(kind.route, kind.method) for kind in sent}
    kinds = sorted(set(sent) | {kind for kind in counted if (kind.route, kind.method) in routes})
    found = []
    for kind in kinds:
        ours, theirs = sent.get(kind, 0), counted.get(kind, 0)
        if ours == theirs or (shared and theirs > ours):
            continue
        found.append(f"{kind.method} {kind.route} with status {kind.code}: Locust {ours}, the gateway {theirs}")
    return found
