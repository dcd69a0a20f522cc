"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, on a free port of the loopback address."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg

from tests.debian import ProgramMissing, unpack
from tests.processes import eventually, free_port

PASSWORD = "s3cret-p4ss"  # shown nowhere: tests look for it
_PACKAGE = "postgresql-15"
_UNPRIVILEGED = ("postgres", "nobody")  # initdb refuses to be run by root


@dataclass
class Postgres:
    """A server that answered when the test got it."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=itertools.count)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-k", self.folder],
                stdout=log,
                stderr=subprocess.STDOUT,
                **_as_nobody(),
            )
        eventually(self._answers, within=60, what=f"PostgreSQL answers: {(self.folder / 'log').read_text()[-1000:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends the sessions and writes all down, SIGQUIT crashes, as a loss of the server does."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it and start it again."""
        self.stop(how)
        self.start()

    def connect(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        """Return a connection for the test's own questions."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="pulmo", password=PASSWORD, dbname=database, autocommit=True
        )

    def create(self) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        name = f"history{next(self._names)}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload, unused-ignore]
        return f"postgresql+psycopg://pulmo:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgresql() -> Iterator[Postgres]:
    """Run a new cluster until the block ends.

    Raises:
        ProgramMissing: PostgreSQL is not here, and Debian's package cannot be fetched or does not run.
    """
    programs = _find()
    folder = Path(mkdtemp(prefix="pulmo-postgresql-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _unprivileged())
        _initialise(programs, folder)
        server = Postgres(programs, folder, free_port())
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find() -> Path:
    for candidate in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (candidate / "initdb").is_file():
            return candidate
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next(unpack(_PACKAGE).glob("usr/lib/postgresql/*/bin"))


def _initialise(programs: Path, folder: Path) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    command: list[str | Path] = [
        *(programs / "initdb", "-D", folder / "data", "-U", "pulmo", "--auth=scram-sha-256", f"--pwfile={secret}"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, **_as_nobody())
    except (OSError, subprocess.CalledProcessError) as error:
        raise ProgramMissing(f"{programs}/initdb does not run: {getattr(error, 'stderr', error)}") from error


def _unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in _UNPRIVILEGED:
        if name in names:
            return name
    raise ProgramMissing(f"PostgreSQL does not run as root, and there is none of the users {_UNPRIVILEGED}")


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(_unprivileged())
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": "/"}
