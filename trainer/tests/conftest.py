"""A tiny data set, and a network that was trained on it and published by the command line, once for all tests."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from trainer.data.phantoms import write_phantoms

if TYPE_CHECKING:
    from trainer.training.runs import Run

SIZE = 32

SmallDisk: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


def trainer(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as an operator would."""
    return subprocess.run(
        [sys.executable, "-m", "trainer", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 16 images to train on, 4 to validate and 4 to test."""
    root = tmp_path_factory.mktemp("data") / "phantoms"
    write_phantoms(root, 4, 0)
    return root


@pytest.fixture(scope="session")
def trained(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run, and the store that its model was published in as version 1."""
    folder = tmp_path_factory.mktemp("trained")
    run, store = folder / "run", folder / "models" / "lung"
    options = ("--epochs", "1", "--image-size", str(SIZE), "--seed", "3")
    done = trainer("train", "--data", phantoms, *options, "--run", run, "--publish", store)
    assert done.returncode == 0, done.stderr
    return run, store


@pytest.fixture
def small_disk(tmp_path: Path) -> SmallDisk:
    """Runs Python with a disk of so many bytes, which is gone afterwards; `{disk}` in an argument names it."""

    def run(size: int, *command: str | Path) -> subprocess.CompletedProcess[str]:
        mount = f'mount -t tmpfs -o size={size} none "$0"; exec "$@"'
        inside = ["unshare", "-rm", "sh", "-ec", mount, str(tmp_path), *map(str, command)]
        return subprocess.run(inside, capture_output=True, text=True, check=False)

    if run(4096, "true").returncode != 0:
        pytest.skip("a small disk needs unshare(1) and leave to mount a tmpfs")
    return lambda size, *arguments: run(size, sys.executable, *(str(each).format(disk=tmp_path) for each in arguments))


@pytest.fixture(scope="session")
def run(trained: tuple[Path, Path]) -> "Run":
    """The run of `trained`, read back."""
    from trainer.training.runs import load_run  # noqa: PLC0415 - TensorFlow, which the tests about data do without

    return load_run(trained[0])
