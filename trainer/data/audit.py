"""The audit of a data set: what is in it, what the trainer would refuse, and what would make its figures too good."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import msgspec

from trainer.data.dataset import SPLITS, SplitName
from trainer.data.survey import Picture, Survey
from trainer.data.twins import groups, identical_groups, twins

_MIN_CLASSES = 2
_SUFFIXES = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif")}


class Unreadable(msgspec.Struct, frozen=True):
    """A file that is skipped in training."""

    path: str
    reason: str


class Misnamed(msgspec.Struct, frozen=True):
    """A file whose extension says something else than its first bytes; it is read all the same."""

    path: str
    format: str


class Extent(msgspec.Struct, frozen=True):
    """Smallest, middle and largest of a measure, in pixels."""

    least: int
    median: float
    most: int


class Group(msgspec.Struct, frozen=True):
    """Images that are copies of one another."""

    splits: tuple[str, ...]
    labels: tuple[str, ...]
    paths: tuple[str, ...]


class Leak(msgspec.Struct, frozen=True):
    """How much of a split has a twin in `train`."""

    twins: int
    images: int


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What `trainer data check` writes as report.json; paths are relative to `root`."""

    root: str
    leaks: dict[str, Leak]
    """By split, without `train`."""
    errors: tuple[str, ...]
    """What the trainer refuses."""
    warnings: tuple[str, ...]
    """What it does not; leakage comes first."""
    counts: dict[str, dict[str, int]]
    """Readable images by split and class."""
    width: Extent | None
    height: Extent | None
    modes: dict[str, int]
    unreadable: tuple[Unreadable, ...]
    misnamed: tuple[Misnamed, ...]
    identical: tuple[Group, ...]
    """Byte for byte; groups across splits come first."""
    similar: tuple[Group, ...]
    """To the eye, with at least two different files (see `trainer.data.twins`); groups across splits come first."""


def audit(found: Survey) -> Audit:
    """Judge what a survey found."""
    pictures = found.pictures
    prints = [picture.fingerprint for picture in pictures]
    hashes = [image.sha256 for image in prints]
    similar = [group for group in groups(prints) if len({hashes[place] for place in group}) > 1]
    misnamed = [picture for picture in pictures if picture.path.suffix.lower() not in _SUFFIXES[picture.header.format]]
    judged = Audit(
        root=str(found.root),
        leaks=_leaks(found),
        errors=tuple(_problems(found, ("train", "valid"))),
        warnings=(),
        counts={split: _count(found, split) for split in SPLITS},
        width=_extent([picture.header.width for picture in pictures]),
        height=_extent([picture.header.height for picture in pictures]),
        modes=dict(Counter(picture.mode for picture in pictures).most_common()),
        unreadable=tuple(Unreadable(_name(found, path), reason) for path, reason in found.unreadable),
        misnamed=tuple(Misnamed(_name(found, picture.path), picture.header.format) for picture in misnamed),
        identical=_groups(found, identical_groups(prints)),
        similar=_groups(found, similar),
    )
    return msgspec.structs.replace(judged, warnings=(*_warnings(judged), *_problems(found, ("test",))))


def _name(found: Survey, path: Path) -> str:
    return path.relative_to(found.root).as_posix()


def _count(found: Survey, split: SplitName) -> dict[str, int]:
    counts = Counter(picture.label for picture in found.of(split))
    return {label: counts[label] for label in sorted(found.labels(split))}


def _extent(pixels: Sequence[int]) -> Extent | None:
    return Extent(min(pixels), median(pixels), max(pixels)) if pixels else None


def _leaks(found: Survey) -> dict[str, Leak]:
    trained = [picture.fingerprint for picture in found.of("train")]
    evaluated = {split: [picture.fingerprint for picture in found.of(split)] for split in SPLITS if split != "train"}
    return {split: Leak(int(twins(images, trained).sum()), len(images)) for split, images in evaluated.items()}


def _groups(found: Survey, places: list[tuple[int, ...]]) -> tuple[Group, ...]:
    described = [_group(found, [found.pictures[place] for place in group]) for group in places]
    return tuple(sorted(described, key=lambda group: (-len(group.splits), -len(group.labels))))


def _group(found: Survey, pictures: Sequence[Picture]) -> Group:
    splits = {picture.split for picture in pictures}
    return Group(
        splits=tuple(split for split in SPLITS if split in splits),
        labels=tuple(sorted({picture.label for picture in pictures})),
        paths=tuple(_name(found, picture.path) for picture in pictures),
    )


def _problems(found: Survey, splits: Sequence[SplitName]) -> Iterator[str]:
    """Yield what stops the commands that read these splits."""
    for split in splits:
        folder = found.root / split
        if not found.folders.get(split):
            state = "empty" if split in found.folders else "missing"
            yield f"{folder} is {state}; put a folder for each class there, named after the class"
            continue
        if split == "train" and len(found.labels(split)) < _MIN_CLASSES:
            yield f"{folder} holds one class, {', '.join(found.labels(split))}; put at least {_MIN_CLASSES} there"
        for label in sorted(found.labels(split) - (found.labels("train") or found.labels(split))):
            yield f"{folder} has the class {label}, which train has not; add it to train, or remove it"
        used = {picture.path.parent for picture in found.of(split)}
        for empty in (path for path in found.folders[split] if path not in used):
            yield f"{empty} holds no readable image; put PNG or JPEG files there, or remove the folder"


def _warnings(judged: Audit) -> Iterator[str]:
    for split, leak in judged.leaks.items():
        if leak.twins:
            share = f"{leak.twins} of {leak.images} images in {split}"
            yield f"leakage: {share} have a twin in train; measure without them too"
    contradictions = [group for group in (*judged.identical, *judged.similar) if len(group.labels) > 1]
    if contradictions:
        names = "; ".join(" = ".join(group.paths) for group in contradictions)
        yield f"copies in more than one class, of which at most one is right: {names}"
    for split in ("valid", "test"):
        missing = sorted(set(judged.counts["train"]) - set(judged.counts[split]))
        if missing and judged.counts[split]:
            yield f"{split} has no {', '.join(missing)}, which train has: nothing is measured on it"
    copies = sum(len(group.paths) - 1 for group in judged.identical)
    if copies:
        yield f"{copies} files are byte-identical copies of another"
    if judged.unreadable:
        yield f"{len(judged.unreadable)} files cannot be read and are skipped"
    if judged.misnamed:
        yield f"{len(judged.misnamed)} files are called by another format than theirs; they are read all the same"
