"""A survey of a data set: every file of every split, read once, with what its header and its pixels say."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import simplejpeg

from gateway.imaging import Header, ImageError, inspect
from trainer.data.dataset import SPLITS, Skipped, SplitName, class_name, files_of
from trainer.data.twins import Fingerprint, fingerprint
from trainer.errors import DataError

_PNG_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
"""Colour types (W3C PNG, third edition, section 11.2.1) by the names that PIL gives them."""
_PNG_DEPTH, _PNG_COLOUR_TYPE = 24, 25  # bytes: the magic, a length, IHDR, width and height stand before them


@dataclass(frozen=True, eq=False)
class Picture:
    """A readable image of the data set."""

    path: Path
    split: SplitName
    label: str
    header: Header
    mode: str
    """As it is stored: `PNG RGBA`, `JPEG RGB`, `PNG L, 16 bit`."""
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Survey:
    """All that was found, in the order of the splits and of the sorted paths."""

    root: Path
    folders: dict[SplitName, tuple[Path, ...]]
    """The class folders of each split that exists."""
    pictures: tuple[Picture, ...]
    unreadable: tuple[Skipped, ...]

    def of(self, split: SplitName) -> list[Picture]:
        """Return the readable images of a split."""
        return [picture for picture in self.pictures if picture.split == split]

    def labels(self, split: SplitName) -> set[str]:
        """Return the classes that a split has folders for, with images or without."""
        return {class_name(folder.name) for folder in self.folders.get(split, ())}


def survey(root: Path) -> Survey:
    """Read a data set.

    Raises:
        DataError: there is no such folder, or it has none of the splits.
    """
    folders = {split: tuple(_visible(root / split)) for split in SPLITS if (root / split).is_dir()}
    if not folders:
        raise DataError(_no_data_set(root))
    classes = {split: tuple(path for path in paths if path.is_dir()) for split, paths in folders.items()}
    pictures: list[Picture] = []
    unreadable: list[Skipped] = []
    for split, path in _files(classes):
        try:
            pictures.append(_picture(path, split))
        except ImageError as error:
            unreadable.append(Skipped(path, str(error)))
        except OSError as error:
            unreadable.append(Skipped(path, error.strerror or str(error)))
    return Survey(root, classes, tuple(pictures), tuple(unreadable))


def _no_data_set(root: Path) -> str:
    if not root.is_dir():
        return f"{root} is not a folder; name one that holds train/<class>/, valid/<class>/ and test/<class>/"
    inner = next((path for path in _visible(root) if (path / "train").is_dir()), None)
    remedy = f"{inner} does, so name that" if inner else "see data/README.md for what belongs there"
    return f"{root} holds none of {', '.join(SPLITS)}; {remedy}"


def _files(classes: dict[SplitName, tuple[Path, ...]]) -> Iterator[tuple[SplitName, Path]]:
    for split, folders in classes.items():
        for folder in folders:
            yield from ((split, path) for path in files_of(folder))


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _picture(path: Path, split: SplitName) -> Picture:
    body = path.read_bytes()
    known = fingerprint(body)
    header = inspect(body)
    return Picture(path, split, class_name(path.parent.name), header, _mode(body, header), known)


def _mode(body: bytes, header: Header) -> str:
    """Return format and mode of a body that has been decoded before."""
    if header.format == "JPEG":
        colourspace = simplejpeg.decode_jpeg_header(body)[2]
        return "JPEG L" if colourspace == "Gray" else "JPEG RGB"
    depth = body[_PNG_DEPTH]
    return f"PNG {_PNG_MODES[body[_PNG_COLOUR_TYPE]]}" + ("" if depth == 8 else f", {depth} bit")
