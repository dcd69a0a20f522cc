"""The images that the load tests post: real files from a folder, or nothing."""

from pathlib import Path
from typing import Final, NamedTuple

_MEDIA_TYPES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


class Image(NamedTuple):
    """One file as it is posted."""

    name: str
    media_type: str
    body: bytes


class ImagesMissing(ValueError):
    """There is nothing to post; the message names the folder and the remedy."""


def read_images(folder: Path) -> list[Image]:
    """Read every PNG and JPEG of `folder`, its subfolders included, in the order of their names.

    `folder` may also be a text file with the path of an image in each line; then these are read, in their order.

    Raises:
        ImagesMissing: the folder does not exist or holds no image.
    """
    paths = [Path(line) for line in folder.read_text().splitlines()] if folder.is_file() else sorted(folder.rglob("*"))
    images = [
        Image(path.name, _MEDIA_TYPES[path.suffix.lower()], path.read_bytes())
        for path in paths
        if path.suffix.lower() in _MEDIA_TYPES and path.is_file()
    ]
    if not images:
        raise ImagesMissing(
            f"{folder.absolute()} holds no .png, .jpg or .jpeg file; "
            "name a folder of images with --images or PULMO_IMAGES"
        )
    return images
