"""What can be wrong with a store as a whole; pure."""

from collections.abc import Iterator

from serving.doctor.facts import Store
from serving.doctor.findings import Finding, error, ok, warning
from serving.policy import scan

_PLENTY = 3
"""The disk should have room for as many versions as the newest."""


def check_store(store: Store) -> Iterator[Finding]:
    """Judge what lies in a store."""
    if store.problem:
        yield error(
            "store",
            f"{store.path} cannot be listed: {store.problem}",
            "one base path that cannot be read stops the polling of all models in TensorFlow Serving (serving#2189)",
            "name the folder that holds the versions, and let the server's user read it",
        )
        return
    yield from _versions(store)
    yield from _partials(store)
    yield from _names(store)
    yield from _space(store)


def _versions(store: Store) -> Iterator[Finding]:
    if store.versions:
        numbers = ", ".join(str(version.number) for version in store.versions)
        yield ok("store", f"{store.path} holds the versions {numbers}")
    else:
        yield error(
            "store",
            f"{store.path} holds no version",
            "the server opens no port before it has a version (serving#784)",
            "publish one: `trainer publish`",
        )


def _partials(store: Store) -> Iterator[Finding]:
    partials = [entry for entry in store.entries if entry.name.endswith(".partial")]
    left = [entry.name for entry in partials if not entry.held]
    if left:
        yield warning(
            "partial copies",
            f"{', '.join(left)} was left behind by a publisher that did not finish",
            "no server looks at it, but it takes up the disk",
            "nothing, the next `trainer publish` removes it; or remove it by hand",
        )
    else:
        yield ok("partial copies", "none was left behind")


def _names(store: Store) -> Iterator[Finding]:
    files = [entry.name for entry in store.entries if not entry.is_folder and scan([entry.name])]
    if files:
        yield error(
            "names",
            f"{', '.join(files)} is a file whose name is a number",
            "the server takes every such name for a version, and fails to load it (serving#1738)",
            "move it out of the store",
        )
    by_number: dict[int, list[str]] = {}
    for entry in store.entries:
        for number in scan([entry.name]):
            by_number.setdefault(number, []).append(entry.name)
    for number, names in by_number.items():
        if len(names) > 1:
            yield error(
                "names",
                f"{' and '.join(map(repr, names))} both name version {number}",
                f"the server takes {max(names)!r} and ignores the other, without an error",
                "rename one of them to a number of its own",
            )
    if not files and all(len(names) == 1 for names in by_number.values()):
        yield ok("names", "every number names one folder")


def _space(store: Store) -> Iterator[Finding]:
    if not store.versions:
        return
    size, free = store.versions[-1].size, store.free
    told = f"{free / 1e9:.1f} GB are free; the newest version has {size / 1e6:.1f} MB"
    why = "a publisher that finds the disk full publishes nothing"
    remedy = "free space, for instance with `trainer retire`"
    if free < size:
        yield error("disk", told, why, remedy)
    elif free < _PLENTY * size:
        yield warning("disk", told, why, remedy)
    else:
        yield ok("disk", told)
