"""Where things are and on which ports, when Pulmo runs on this machine."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

REST_PORT = "PULMO_MODEL_SERVER_REST_PORT"


class LayoutError(ValueError):
    """Pulmo cannot run here; the message names the cause and the remedy."""


@dataclass(frozen=True)
class Layout:
    """Folders and ports of a local run; processes start in `root`, so that socket paths stay short."""

    root: Path
    gateway_port: int
    console_port: int
    rest_port: int
    """The model server's, for metrics and for people."""

    @classmethod
    def read(cls, environment: Mapping[str, str], root: Path) -> Self:
        """Read `PULMO_PORT`, which may also stand in `pulmo.toml` as for the gateway, and the ports of the others.

        Raises:
            LayoutError: one is no port, or the file is not TOML.
        """
        gateway = environment.get("PULMO_PORT", _from_file(root / "pulmo.toml").get("port", 8000))
        console = environment.get("PULMO_CONSOLE_PORT", 8501)
        rest = environment.get(REST_PORT, 8601)
        return cls(
            root, port_of("PULMO_PORT", gateway), port_of("PULMO_CONSOLE_PORT", console), port_of(REST_PORT, rest)
        )

    @property
    def store(self) -> Path:
        """The folder with the versions of the model `lung`."""
        return self.root / "var/models/lung"

    @property
    def phantoms(self) -> Path:
        """The drawn images that a first model is trained on."""
        return self.root / "var/phantoms"

    @property
    def run(self) -> Path:
        """Sockets, the lock and the pid file."""
        return self.root / "var/run"

    @property
    def models_config(self) -> Path:
        """What the model server serves; written at each start."""
        return self.run / "models.config"

    @property
    def gateway(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def console(self) -> str:
        """The console's address."""
        return f"http://127.0.0.1:{self.console_port}"


def _from_file(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise LayoutError(f"{file} is not TOML: {error}") from error


def port_of(name: str, value: object) -> int:
    """Return the port that a setting names.

    Raises:
        LayoutError: it names none.
    """
    text = str(value)
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise LayoutError(f"{name} is {text!r}; it must be a port from 1 to 65535")
    return int(text)
