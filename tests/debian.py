"""Programs for tests: those on the PATH, else those of Debian's packages, unpacked into a cache, not installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

CACHE = Path.home() / ".cache" / "pulmo" / "debian"
SECONDS = 180


class ProgramMissing(Exception):
    """A program is neither on the PATH nor to be had from Debian; the message says what was tried."""


def find_program(name: str, package: str = "prometheus") -> Path:
    """Return the path of `name`.

    Raises:
        ProgramMissing: it is not here, and its Debian package cannot be fetched.
    """
    if installed := shutil.which(name):
        return Path(installed)
    unpacked = unpack(package)
    program = unpacked / "usr" / "bin" / name
    if not program.is_file():
        raise ProgramMissing(
            f"{name} is not on the PATH, and Debian's package {package} in {unpacked} does not hold it"
        )
    return program


def alertmanager() -> list[str]:
    """Return the command that runs Alertmanager, to be followed by its flags.

    Debian's looks for its templates below /usr/share; where it is not installed, it runs in a mount namespace of its
    own that has them there.

    Raises:
        ProgramMissing: it is not here, and its package cannot be fetched, or the kernel allows no such namespace.
    """
    name = "prometheus-alertmanager"
    program = find_program(name, name)
    share = program.parent.parent / "share"
    if share == Path("/usr/share"):
        return [str(program)]
    mount = f"mount -t overlay overlay -o lowerdir={share}:/usr/share /usr/share"
    apart = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    _call(name, [*apart, mount], CACHE)
    return [*apart, f'{mount} && exec "$0" "$@"', str(program)]


def unpack(package: str) -> Path:
    """Return the folder that a Debian package is unpacked in, fetched if it is not there: all of it or nothing.

    Raises:
        ProgramMissing: it cannot be fetched.
    """
    target = CACHE / package
    if target.is_dir():
        return target
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise ProgramMissing(f"{package} is not on the PATH, and {tool}, which could fetch it, is not either")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        folder = Path(scratch)
        archive = _download(package, folder)
        content = folder / "content"
        _call(package, ["dpkg", "-x", str(archive), str(content)], folder)
        shutil.rmtree(target, ignore_errors=True)
        content.rename(target)
    return target


def _download(package: str, folder: Path) -> Path:
    fetch = ["apt-get", "download", package]
    try:
        _call(package, fetch, folder)
    except ProgramMissing:  # most likely there are no package lists yet
        _call(package, ["apt-get", "update"], folder)
        _call(package, fetch, folder)
    return next(folder.glob("*.deb"))


def _call(package: str, command: list[str], folder: Path) -> None:
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ProgramMissing(f"{package} is not on the PATH, and {' '.join(command)} took over {SECONDS} s") from error
    if ended.returncode:
        reason = ended.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise ProgramMissing(f"{package} is not on the PATH, and {' '.join(command)} failed: {reason[0]}")
