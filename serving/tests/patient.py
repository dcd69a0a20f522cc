"""A patient for the doctor: a store that is whole in every respect, and what is found in it."""

import hashlib
import os
from pathlib import Path

from serving.doctor.command import examine
from serving.doctor.facts import Use
from serving.doctor.findings import Finding
from tests import toymodel
from tests.modelserver import MODEL
from tests.processes import ROOT

USE = Use(model=MODEL, max_batch=8, in_flight=2, threads=8)
WARMUP = "assets.extra/tf_serving_warmup_requests"
MONITORING = ROOT / "serving" / "config" / "monitoring.config"
UID = os.geteuid()


def make_store(toys: Path, folder: Path) -> Path:
    """Return a store in `folder` with the versions 1 and 2 of the toy model, whole in every respect."""
    store = folder / MODEL
    store.mkdir()
    for number in (1, 2):
        seal(toymodel.copy(toys / str(number), store, number))
    return store


def seal(version: Path) -> None:
    """Write the checksums of a version, as the trainer does."""
    sums = version / "assets.extra/SHA256SUMS"
    sums.unlink(missing_ok=True)
    files = sorted(file for file in version.rglob("*") if file.is_file())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(version)}\n" for file in files]
    sums.write_text("".join(lines))


def doctor(store: Path, target: str = "", rest: str = "", use: Use = USE, uid: int = UID) -> dict[str, str]:
    """Return what is above ok: what was found, by severity and check."""
    return told(examine(store, target, rest, use, uid=uid))


def told(findings: list[Finding]) -> dict[str, str]:
    assert all(bool(finding.why and finding.remedy) == (finding.severity != "ok") for finding in findings)
    return {f"{finding.severity} {finding.check}": finding.what for finding in findings if finding.severity != "ok"}


def cut_variables(store: Path) -> None:
    os.truncate(store / "2/variables/variables.data-00000-of-00001", 3)


def lose_checksums(store: Path) -> None:
    (store / "2/assets.extra/SHA256SUMS").unlink()


def number_a_file(store: Path) -> None:
    (store / "4").write_text("not a folder")
