"""Twins: images that are copies of each other, byte for byte or to the eye (resized, saved again, scribbled on).

Two pictures are compared as grey thumbnails of 32x32 pixels, each the mean of 8x8 pixels of the picture at 256x256,
brought to zero mean and unit length; their distance is the Euclidean one, between 0 and 2. `THRESHOLD` was chosen on
the 685 images of the public set's `train` and `valid` (2026-11-23), where 107 are byte-identical to an earlier one:

- Of the 578 that are left, 44 have their nearest neighbour within 0.123 and 534 beyond 0.196; there is none between.
- All 39 pairs up to 0.123 were looked at: 38 show one slice twice, up to its size, a line that somebody drew across it,
  or a few pixels of the crop; the one at 0.096 may be two neighbouring slices. From 0.196 on there are neighbouring
  slices of one patient, and crops that differ by more.
- Copies of 60 of the images, halved, enlarged by half, squeezed to 256x256 or 128x128, at another brightness, or saved
  as JPEG of quality 40, lie at most 0.050 from their original (gamma 0.8: 0.103; two rows and columns cut off: 0.159).
- Of 300 phantoms no two are nearer than 0.168.

So neighbouring slices of one patient are no twins here; a split by patient is more than this can tell.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.imaging import ImageError, ImageSpec, decode
from trainer.config import MAX_PIXELS

THRESHOLD = 0.14
"""Distance of two thumbnails, without unit, below which they are twins."""

_SPEC = ImageSpec("L", 256, 256, "bilinear")
_SIDE = 32
_ROWS = 1024
"""Images that are compared with all others at once: bounds the memory."""


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is kept of an image to know it again."""

    sha256: str
    """Of the file's bytes, in hexadecimal."""
    thumbnail: NDArray[np.float32]
    """float32 `[1024]`: grey, zero mean, unit length; all zero where the picture has no contrast."""


def fingerprint(body: bytes) -> Fingerprint:
    """Return the fingerprint of a PNG or JPEG.

    Raises:
        gateway.imaging.ImageError: the body is not an image that we accept.
    """
    picture = decode(body, _SPEC, MAX_PIXELS)
    block = _SPEC.height // _SIDE
    grey = picture.reshape(_SIDE, block, _SIDE, block).mean(axis=(1, 3), dtype=np.float32).ravel()
    grey -= grey.mean()
    length = float(np.linalg.norm(grey))
    flat = length < 1e-3  # grey levels: below the rounding of a float32 mean
    return Fingerprint(hashlib.sha256(body).hexdigest(), np.zeros_like(grey) if flat else grey / length)


def fingerprints(paths: Iterable[Path]) -> Iterator[Fingerprint]:
    """Yield the fingerprints of the images among the files at `paths`; what is no image has no twin."""
    for path in paths:
        try:
            yield fingerprint(path.read_bytes())
        except ImageError:
            continue


def twins(evaluated: Sequence[Fingerprint], trained: Sequence[Fingerprint]) -> NDArray[np.bool_]:
    """Say which evaluated images have a copy, byte for byte or to the eye, among the trained ones.

    Returns:
        bool `[N]`, one for each of `evaluated`.
    """
    hashes = {image.sha256 for image in trained}
    found = np.array([image.sha256 in hashes for image in evaluated], np.bool_)
    if trained:
        for start, near in _nearness(evaluated, trained):
            found[start : start + len(near)] |= near.any(axis=1)
    return found


def identical_groups(images: Sequence[Fingerprint]) -> list[tuple[int, ...]]:
    """Return the groups of images that are byte for byte the same, as ascending places in `images`."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for place, image in enumerate(images):
        groups[image.sha256].append(place)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def groups(images: Sequence[Fingerprint]) -> list[tuple[int, ...]]:
    """Return the groups of twins, as ascending places in `images`.

    Who is the twin of a twin belongs to the group, so two of a group may be further apart than `THRESHOLD`.
    """
    heads = list(range(len(images)))
    for group in identical_groups(images):
        _join(heads, [(group[0], other) for other in group[1:]])
    for start, near in _nearness(images, images):
        rows, columns = np.nonzero(near)
        _join(heads, zip((rows + start).tolist(), columns.tolist(), strict=True))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place in range(len(images)):
        members[_head(heads, place)].append(place)
    return [tuple(group) for group in members.values() if len(group) > 1]


def _nearness(left: Sequence[Fingerprint], right: Sequence[Fingerprint]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    if not (left and right):
        return
    columns = np.stack([image.thumbnail for image in right]).T
    least = 1 - THRESHOLD**2 / 2  # |a - b|^2 = 2 - 2ab for unit vectors
    for start in range(0, len(left), _ROWS):
        rows = np.stack([image.thumbnail for image in left[start : start + _ROWS]])
        yield start, rows @ columns > least


def _join(heads: list[int], pairs: Iterable[tuple[int, int]]) -> None:
    for one, other in pairs:
        first, second = sorted((_head(heads, one), _head(heads, other)))
        heads[second] = first


def _head(heads: list[int], place: int) -> int:
    while heads[place] != place:
        heads[place] = heads[heads[place]]
        place = heads[place]
    return place
