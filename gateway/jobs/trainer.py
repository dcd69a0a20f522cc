"""The trainer, as the gateway knows it: a command that says what may be set, checks it, and retrains."""

import asyncio
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import InvalidParameters, RetrainingUnavailable

Parameters = dict[str, Any]

_PATIENCE_S = 60.0
_REFUSED = 2  # the trainer's status for what its caller can mend
_NONE_OF_ITS_BUSINESS = ("PULMO_", "PROMETHEUS_MULTIPROC_DIR")
_REMEDY = "install the extra `trainer` beside the gateway, or name the trainer's command in PULMO_TRAINER"


class Trainer:
    """The trainer's command line.

    Args:
        command: of the trainer, in the shell's words; empty for the module beside the gateway.
        nice: how far it steps back while it trains, 0 to 19.
    """

    def __init__(self, command: str, nice: int) -> None:
        self.nice = nice
        self._command = tuple(shlex.split(command)) or (sys.executable, "-m", "trainer")
        self._schema: dict[str, Any] | None = None
        self._asking = asyncio.Lock()

    async def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the parameters; the trainer is asked once.

        Raises:
            RetrainingUnavailable: there is no trainer, or it does not answer.
        """
        async with self._asking:
            if self._schema is None:
                answer = await self._ask("parameters")
                try:
                    self._schema = msgspec.json.decode(answer.stdout, type=dict[str, Any])
                except msgspec.DecodeError as error:
                    raise _unavailable("it does not say what may be set", answer) from error
        return self._schema

    async def check(self, parameters: Parameters) -> None:
        """See that a retraining would accept the parameters.

        Raises:
            InvalidParameters: it would not; the message is the trainer's.
            RetrainingUnavailable: there is no trainer, or it does not answer.
        """
        answer = await self._ask("parameters", "--check", document=msgspec.json.encode(parameters))
        if answer.returncode == _REFUSED:
            reason = answer.stderr.decode(errors="replace").strip().removeprefix("Error: ")
            raise InvalidParameters(f"{reason}. GET /retrain/parameters shows what may be set")

    def retraining(self, store: Path, run: Path, additions: Iterable[Path], parameters: Parameters) -> Sequence[str]:
        """Return the command that retrains.

        Args:
            store: the model's folder in the store.
            run: where the run is written.
            additions: folders of labelled images.
            parameters: that `check` let pass.
        """
        added = [word for folder in additions for word in ("--add", str(folder))]
        chosen = [word for pair in _pairs(parameters) for word in ("--set", pair)]
        told = ("--store", str(store), "--run", str(run), "--progress", "json")
        return [*self._command, "retrain", *told, *added, *chosen]

    async def _ask(self, *arguments: str, document: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return await asyncio.to_thread(self._run, arguments, document)

    def _run(self, arguments: Sequence[str], document: bytes) -> subprocess.CompletedProcess[bytes]:
        try:
            answer = subprocess.run(  # noqa: S603 - the operator's command, and words of ours
                [*self._command, *arguments],
                input=document,
                capture_output=True,
                check=False,
                env=environment(os.environ),
                timeout=_PATIENCE_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RetrainingUnavailable(f"there is no trainer here: {_REMEDY}", internals=str(error)) from error
        if answer.returncode not in (0, _REFUSED):
            raise _unavailable("it cannot be run", answer)
        return answer


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for the trainer: the gateway's settings, with the secrets among them, are not for it."""
    return {name: value for name, value in inherited.items() if not name.startswith(_NONE_OF_ITS_BUSINESS)}


def _pairs(parameters: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield `key=value`, with dots between nested keys; a JSON value is a TOML value, as the trainer reads it."""
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _pairs(value, f"{path}{key}.")
        else:
            yield f"{path}{key}={msgspec.json.encode(value).decode()}"


def _unavailable(what: str, answer: subprocess.CompletedProcess[bytes]) -> RetrainingUnavailable:
    said = answer.stderr.decode(errors="replace")[-2000:]
    return RetrainingUnavailable(f"there is a trainer, but {what}: {_REMEDY}", internals=said)
