"""A version whose files are not those that were published is not loaded."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from serving.errors import ServingError
from serving.integrity import CHECKSUMS, ensure_whole

FILES = {"saved_model.pb": b"graph" * 1000, "variables/variables.index": b"index"}


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """Return a version with checksums, as `sha256sum` writes them."""
    version = tmp_path / "7"
    for name, content in FILES.items():
        (version / name).parent.mkdir(parents=True, exist_ok=True)
        (version / name).write_bytes(content)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in FILES.items()]
    (version / CHECKSUMS).parent.mkdir()
    (version / CHECKSUMS).write_text("".join(lines))
    return version


def test_a_whole_version_is_loaded(version: Path) -> None:
    ensure_whole(version)


def test_a_version_without_checksums_is_loaded_as_it_is(version: Path) -> None:
    (version / CHECKSUMS).unlink()
    (version / "saved_model.pb").write_bytes(b"another")

    ensure_whole(version)


def _cut(version: Path) -> None:
    (version / "saved_model.pb").write_bytes(b"graph")


def _remove(version: Path) -> None:
    (version / "variables/variables.index").unlink()


def _flip(version: Path) -> None:
    (version / "saved_model.pb").write_bytes(b"grap?" + b"graph" * 999)


def _cut_checksums(version: Path) -> None:
    (version / CHECKSUMS).write_text((version / CHECKSUMS).read_text()[:100])


def _garble_checksums(version: Path) -> None:
    (version / CHECKSUMS).write_bytes(b"\xff")


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        pytest.param(_cut, r"saved_model\.pb is not what was published", id="a file is cut off"),
        pytest.param(_flip, r"saved_model\.pb is not what was published", id="a byte is another"),
        pytest.param(_remove, r"variables\.index cannot be read: No such file", id="a file is missing"),
        pytest.param(_cut_checksums, "SHA256SUMS ends within a line", id="the checksums are cut off"),
        pytest.param(_garble_checksums, "SHA256SUMS cannot be read", id="the checksums are garbage"),
    ],
)
def test_a_version_is_not_whole_when(version: Path, spoil: Callable[[Path], None], text: str) -> None:
    spoil(version)
    with pytest.raises(ServingError, match=f"version 7 is not whole: .*{text}") as caught:
        ensure_whole(version)

    assert caught.value.code == grpc.StatusCode.DATA_LOSS
