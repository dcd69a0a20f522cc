"""The golden set: images that are put to two versions, so that it shows where they differ before a route tells."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dashboard import problems
from dashboard.batches import Image
from dashboard.client.openinference import Opinion
from dashboard.problems import GatewayProblem

MOST: Final = 100
"""Images: each is two questions to the model, and two rows of the history."""
_MOST_BYTES: Final = 100_000_000
"""Of all of them together."""
_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".dcm"})

Ask = Callable[[int, bytes], Opinion]
"""Puts an image to a version."""


class GoldenSetMissing(ValueError):
    """There is nothing to ask about; the message names the folder and the remedy."""


class GoldenSet(msgspec.Struct, frozen=True):
    """The images, which are read when they are asked about."""

    title: str
    """What they are, in words."""
    key: str
    """What no other set has."""
    read: Callable[[], list[Image]]
    """Raises `GoldenSetMissing`."""


class Judged(msgspec.Struct, frozen=True):
    """An image, and what two versions say of it."""

    name: str
    first: Opinion | None
    second: Opinion | None
    problem: str = ""
    """Why neither says anything."""

    @property
    def agree(self) -> bool:
        """Whether both name the same class."""
        return self.first is not None and self.second is not None and self.first.label == self.second.label


def of_folder(folder: Path) -> GoldenSet:
    """Return the images of a folder, those of its folders included, in the order of their names."""
    return GoldenSet(f"the images in {folder}", str(folder.absolute()), lambda: _read(folder))


def of_images(images: Sequence[Image]) -> GoldenSet:
    """Return images that are at hand, the first ones of them."""
    kept = list(images[:MOST])
    title = f"the {len(kept)} images that you uploaded" if len(kept) > 1 else "the image that you uploaded"
    return GoldenSet(title, " ".join(image.key for image in kept), lambda: kept)


def judge(images: Sequence[Image], ask: Ask, versions: tuple[int, int]) -> Iterator[Judged]:
    """Ask both versions about each image, one at a time, so that clients hardly wait for it.

    Raises:
        GatewayProblem: a version cannot be asked; an image that is none is told in its place instead.
    """
    for image in images:
        try:
            first, second = (ask(version, image.body) for version in versions)
        except GatewayProblem as problem:
            if problem.status not in problems.OF_THE_IMAGE:
                raise
            yield Judged(image.name, None, None, f"{problem.title}: {problem.detail}")
        else:
            yield Judged(image.name, first, second)


def summary(answers: Sequence[Judged], versions: tuple[int, int]) -> str:
    """Say on how many images two versions differ."""
    asked = [one for one in answers if not one.problem]
    differ = sum(not one.agree for one in asked)
    first, second = versions
    said = f"Versions {first} and {second} name the same class for {len(asked) - differ} of {len(asked)} images"
    said = f"{said}; they differ on {differ}." if differ else f"{said}."
    refused = len(answers) - len(asked)
    return f"{said} {refused} could not be asked about." if refused else said


def _read(folder: Path) -> list[Image]:
    remedy = "name a folder with PNG, JPEG or DICOM images in PULMO_GOLDEN_SET, or upload some"
    try:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        images, size = list[Image](), 0
        for path in paths[:MOST]:
            size += path.stat().st_size
            if size > _MOST_BYTES:
                break
            images.append(Image(str(path), path.relative_to(folder).as_posix(), path.read_bytes()))
    except OSError as error:
        raise GoldenSetMissing(f"The folder {folder} cannot be read: {error.strerror}; {remedy}.") from error
    if not images:
        raise GoldenSetMissing(f"The folder {folder} holds no image; {remedy}.")
    return images
