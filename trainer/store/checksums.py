"""The checksums of a version's files, by which a server knows a copy that is whole from one that is not."""

import hashlib
from pathlib import Path

CHECKSUMS = Path("assets.extra/SHA256SUMS")


def write_checksums(folder: Path) -> None:
    """Write `assets.extra/SHA256SUMS` over all other files of a version: `sha256sum --check` reads it in the folder."""
    lines = [
        f"{_digest(folder / name)}  {name.as_posix()}\n"
        for name in sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
        if name != CHECKSUMS
    ]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
