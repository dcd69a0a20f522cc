"""The public data set from Kaggle, through `kagglehub`, which is none of our dependencies."""

import importlib
import shutil
import tempfile
from pathlib import Path

from trainer.data.dataset import SPLITS
from trainer.errors import RunError

HANDLE = "mohamedhanyyy/chest-ctscan-images"
"""Of "Chest CT-Scan images", published under the Open Database License."""
PAGE = f"https://www.kaggle.com/datasets/{HANDLE}"


def fetch(out: Path) -> int:
    """Put the public data set into `out/{train,valid,test}/<class>/`.

    Args:
        out: a folder that holds none of the splits; other files in it are left alone.

    Returns:
        The number of files.

    Raises:
        RunError: a split is there already, or kagglehub is missing, or it could not fetch the files.
    """
    present = [split for split in SPLITS if (out / split).exists()]
    if present:
        raise RunError(f"{out / present[0]} exists already; name another folder, or remove it")
    return place(_download(out), out)


def place(download: Path, out: Path) -> int:
    """Copy the splits of a downloaded archive, which may have them one folder down; each arrives whole or not at all.

    Returns:
        The number of files.

    Raises:
        RunError: the archive has other folders than we know, or a file cannot be written.
    """
    source = _source(download, out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=out) as part:
            for split in SPLITS:
                shutil.copytree(source / split, Path(part) / split)
            for split in SPLITS:
                (Path(part) / split).rename(out / split)
    except OSError as error:
        raise RunError(f"the files cannot be put into {out}: {error}; free some space, or name another") from error
    return sum(path.is_file() for split in SPLITS for path in (out / split).glob("*/*"))


def _download(out: Path) -> Path:
    try:
        kagglehub = importlib.import_module("kagglehub")
    except ImportError as error:
        raise RunError(f"kagglehub is not installed; pip install kagglehub, or {_by_hand(out)}") from error
    try:
        return Path(kagglehub.dataset_download(HANDLE))
    except Exception as error:  # its own errors, and those of the HTTP client below it, have no common base
        raise RunError(f"kagglehub could not fetch {HANDLE}: {error}; {_by_hand(out)}") from error


def _by_hand(out: Path) -> str:
    return f"fetch {PAGE} by hand and put its images into {out}/{{{','.join(SPLITS)}}}/<class>/ (see data/README.md)"


def _source(download: Path, out: Path) -> Path:
    """Return the folder that holds the splits; the published archive has them in `Data/`."""
    for folder in (download, *sorted(path for path in download.iterdir() if path.is_dir())):
        if all((folder / split).is_dir() for split in SPLITS):
            return folder
    raise RunError(f"{download} holds no folder with {', '.join(SPLITS)}; {_by_hand(out)}")
