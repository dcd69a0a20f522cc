"""Images that are copies of each other."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from gateway.imaging import ImageError
from trainer.data.phantoms import KINDS, draw
from trainer.data.twins import Fingerprint, fingerprint, groups, identical_groups, twins


def png(image: Image.Image, compress_level: int = 1) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=compress_level)
    return file.getvalue()


def phantom(number: int) -> Image.Image:
    return draw(KINDS[number % 4], np.random.default_rng(number)).convert("L")


def scribbled(image: Image.Image) -> Image.Image:
    spoiled = np.array(image)
    spoiled[10:60, 20:23] = 255
    return Image.fromarray(spoiled)


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "byte for byte": png,
    "compressed harder": lambda image: png(image, 9),
    "halved": lambda image: png(image.resize((image.width // 2, image.height // 2))),
    "enlarged": lambda image: png(image.resize((image.width * 3 // 2, image.height * 3 // 2))),
    "made square": lambda image: png(image.resize((256, 256))),
    "paler": lambda image: png(image.point([60 + level // 2 for level in range(256)])),
    "in colour": lambda image: png(image.convert("RGBA")),
    "as a JPEG": lambda image: simplejpeg.encode_jpeg(np.asarray(image)[..., None], 40, "GRAY"),
    "scribbled on": lambda image: png(scribbled(image)),
}


@pytest.fixture(scope="module")
def trained() -> list[Fingerprint]:
    """Twelve different phantoms."""
    return [fingerprint(png(phantom(number))) for number in range(12)]


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
def test_a_copy_is_known_again(copy: Callable[[Image.Image], bytes], trained: list[Fingerprint]) -> None:
    """
    A copy finds its original, and no other image, however it was saved.
    """
    evaluated = fingerprint(copy(phantom(5)))

    assert [twins([evaluated], [image]).item() for image in trained] == [number == 5 for number in range(12)]


def test_different_slices_are_no_twins(trained: list[Fingerprint]) -> None:
    """
    Phantoms of the same and of other classes are told apart; the answer has a place for each evaluated image.
    """
    evaluated = [fingerprint(png(phantom(number))) for number in (20, 3, 21)]

    assert twins(evaluated, trained).tolist() == [False, True, False]
    assert twins(evaluated, []).tolist() == [False, False, False]
    assert twins([], trained).tolist() == []
    assert groups(trained) == []


def test_groups_join_copies_and_copies_of_copies() -> None:
    """
    A group holds all copies of one image; the byte-identical ones can be had alone.
    """
    one, other = phantom(1), phantom(2)
    bodies = [png(one), png(other), png(one.resize((200, 200))), png(phantom(3)), png(one), png(other, 9)]
    images = [fingerprint(body) for body in bodies]

    assert groups(images) == [(0, 2, 4), (1, 5)]
    assert identical_groups(images) == [(0, 4)]
    assert groups([]) == []


def test_groups_reach_beyond_one_block_of_rows() -> None:
    """
    Two thousand images are compared in blocks; a copy in another block is found, at its own place.
    """
    rng = np.random.default_rng(0)
    thumbnails = rng.standard_normal((2100, 1024), np.float32)
    thumbnails /= np.linalg.norm(thumbnails, axis=1, keepdims=True)
    thumbnails[2050] = thumbnails[1500] = thumbnails[7]
    images = [Fingerprint(str(number), thumbnail) for number, thumbnail in enumerate(thumbnails)]

    assert groups(images) == [(7, 1500, 2050)]
    assert np.flatnonzero(twins(images, [images[7]])).tolist() == [7, 1500, 2050]


def test_blank_pictures_are_twins_by_their_bytes_only() -> None:
    """
    Pictures without contrast have nothing to be compared by; two different ones are not called copies.
    """
    black, grey = (fingerprint(png(Image.new("L", (64, 64), level))) for level in (0, 90))

    assert twins([black], [grey]).tolist() == [False]
    assert twins([black], [black]).tolist() == [True]


def test_what_is_no_image_has_no_fingerprint() -> None:
    """
    The decoder's refusal is passed on.
    """
    with pytest.raises(ImageError, match="the body is empty"):
        fingerprint(b"")
