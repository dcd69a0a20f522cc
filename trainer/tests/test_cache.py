"""Decoded images on disk."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from gateway.imaging import ImageSpec
from trainer.data.cache import decode_all
from trainer.errors import DataError
from trainer.tests.trainings import trained_on

SPEC = ImageSpec("L", 32, 48, "bilinear")


@pytest.fixture
def paths(phantoms: Path, tmp_path: Path) -> list[Path]:
    """Images that a test may spoil; the third is none."""
    copy = Path(shutil.copytree(phantoms / "train" / "normal", tmp_path / "images"))
    found = sorted(copy.iterdir())
    found[2].write_bytes(b"\x89PNG\r\n\x1a\n")
    return found


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return which files there are, and what would tell of their having been written anew."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_what_was_decoded_once_is_mapped_from_then_on(paths: list[Path], tmp_path: Path) -> None:
    """
    The second call gives the same pixels as decoding into memory, out of a file that it has not written.
    """
    cache = tmp_path / "a" / "cache"
    first = decode_all(paths, SPEC, cache)
    before = state(cache)
    second, memory = decode_all(paths, SPEC, cache), decode_all(paths, SPEC, None)

    assert state(cache) == before
    assert isinstance(second.images, np.memmap)
    for each in (first, second):
        assert np.array_equal(each.images, memory.images)
        assert (each.kept, each.refused) == (memory.kept, memory.refused)
    assert (second.kept, list(second.refused)) == ((0, 1, 3), [2])
    assert "PNG ends after 8 bytes" in second.refused[2]


def test_the_array_is_read_not_made_again(paths: list[Path], tmp_path: Path) -> None:
    """
    A pixel changed in the cache comes back: the originals were not decoded.
    """
    decode_all(paths, SPEC, tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob("*.npy")
    content = bytearray(file.read_bytes())
    content[-SPEC.height * SPEC.width * 2] ^= 0xFF  # in the last of the rows that are kept
    file.write_bytes(content)

    assert (decode_all(paths, SPEC, tmp_path / "cache").images != decode_all(paths, SPEC, None).images).sum() == 1


def test_another_byte_another_order_or_another_spec_is_another_entry(paths: list[Path], tmp_path: Path) -> None:
    """
    Nothing is ever stale.
    """
    cache = tmp_path / "cache"
    decode_all(paths, SPEC, cache)
    decode_all(paths[::-1], SPEC, cache)
    decode_all(paths, ImageSpec("L", 48, 32, "bilinear"), cache)
    shutil.copy(paths[0], paths[1])
    changed = decode_all(paths, SPEC, cache)

    assert len(list(cache.glob("*.npy"))) == len(list(cache.glob("*.json"))) == 4
    assert np.array_equal(changed.images[0], changed.images[1])


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_half_an_entry_is_none(paths: list[Path], tmp_path: Path, suffix: str) -> None:
    """
    What a writer that was killed has left, or somebody has deleted, is written anew.
    """
    cache = tmp_path / "cache"
    expected = decode_all(paths, SPEC, cache).images.copy()
    (half,) = cache.glob(f"*{suffix}")
    half.unlink()
    (cache / ".abc.partial").write_bytes(b"half")

    assert np.array_equal(decode_all(paths, SPEC, cache).images, expected)
    assert half.is_file()


def test_a_broken_entry_is_named(paths: list[Path], tmp_path: Path) -> None:
    """
    A file that was cut, after a power failure say, is not trained on.
    """
    decode_all(paths, SPEC, tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob("*.npy")
    os.truncate(file, 200)

    with pytest.raises(DataError, match=r"the cache .*/cache is broken: .*; remove its files"):
        decode_all(paths, SPEC, tmp_path / "cache")


def test_a_cache_that_cannot_be_made_is_named(paths: list[Path], tmp_path: Path) -> None:
    """
    Its place is taken by a file.
    """
    (tmp_path / "cache").write_text("")

    with pytest.raises(DataError, match=r"the cache .*/cache cannot be used: File exists; name another, or none"):
        decode_all(paths, SPEC, tmp_path / "cache")


def test_no_files_need_no_cache(tmp_path: Path) -> None:
    """
    There is no empty memory map; the caller says what is missing.
    """
    assert decode_all([], SPEC, tmp_path / "cache").images.shape == (0, 32, 48, 1)


def test_training_from_the_cache_changes_nothing(phantoms: Path, tmp_path: Path) -> None:
    """
    The same digest as from memory, written and read.
    """
    caches = ("", *[f"cache={tmp_path / 'cache'}"] * 2)
    runs = [trained_on(phantoms, tmp_path / str(n), "epochs=1", *[c] * bool(c)) for n, c in enumerate(caches)]

    assert len({each.run.manifest.model_digest for each in runs}) == 1
    assert list((tmp_path / "cache").glob("*.npy"))
