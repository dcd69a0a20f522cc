"""Labelled images before and after they are uploaded: which are of which class, and which are there twice."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dashboard.batches import Image
from dashboard.client.messages import ModelEntry, UploadedFile


class Example(Image, frozen=True):
    """An image and what it shows."""

    label: str
    """A class; empty where nobody has said."""
    digest: str
    """SHA-256 of its bytes, by which the gateway knows it, too."""


class Balance(msgspec.Struct, frozen=True):
    """How many images of a class were chosen."""

    label: str
    images: int
    twice: int
    """Those that are exact copies of others that were chosen."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of the images of a class."""

    label: str
    new: int
    known: int
    """The gateway has their bytes already, and does not keep them twice."""
    refused: int


def classes_of(models: Iterable[ModelEntry]) -> list[str]:
    """Return the classes of the version that answers, in its order; of all versions where none does."""
    models = list(models)
    current = next((entry.labels for entry in models if entry.current and entry.labels), None)
    return current or sorted({label for entry in models for label in entry.labels})


def example(key: str, name: str, body: bytes, label: str) -> Example:
    """Return an image with its digest."""
    return Example(key=key, name=name, body=body, label=label, digest=hashlib.sha256(body).hexdigest())


def class_of(path: str, classes: Sequence[str]) -> str:
    """Return the class that a file's folder names, the innermost one that does; empty where none does.

    A folder may carry a suffix after an underscore, as those of the public data set and as the trainer reads them.
    """
    folders = path.split("/")[:-1]
    names = (name for folder in reversed(folders) for name in (folder, folder.split("_", 1)[0]))
    return next((name for name in names if name in classes), "")


def balance(examples: Iterable[Example]) -> list[Balance]:
    """Count the images of each class, and the exact copies among them."""
    seen: set[str] = set()
    images: Counter[str] = Counter()
    twice: Counter[str] = Counter()
    for one in examples:
        images[one.label] += 1
        twice[one.label] += one.digest in seen
        seen.add(one.digest)
    return [Balance(label, count, twice[label]) for label, count in sorted(images.items())]


def contradictions(examples: Iterable[Example]) -> list[tuple[str, str]]:
    """Return the names of images that are the same and have different classes, two by two."""
    first: dict[str, Example] = {}
    found = []
    for one in examples:
        other = first.setdefault(one.digest, one)
        if other.label != one.label:
            found.append((other.name, one.name))
    return found


def outcomes(examples: Iterable[Example], kept: Mapping[str, UploadedFile]) -> list[Outcome]:
    """Count what became of the images of each class; those that were not sent yet are left out.

    Args:
        examples: what was chosen.
        kept: what the gateway said of each, by its key.
    """
    told = [(one.label, kept[one.key]) for one in examples if one.key in kept]
    labels = sorted({label for label, _ in told})

    counted = Counter((label, file.accepted, file.duplicate) for label, file in told)
    return [
        Outcome(
            label,
            new=counted[label, True, False],
            known=counted[label, True, True],
            refused=counted[label, False, False],
        )
        for label in labels
    ]
