"""Where the watchers of a local run keep what they keep, and on which ports they answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.local.layout import Layout, LayoutError, port_of

PORTS = {
    "PULMO_PROMETHEUS_PORT": 9090,
    "PULMO_ALERTMANAGER_PORT": 9093,
    "PULMO_NODE_EXPORTER_PORT": 9100,
    "PULMO_GRAFANA_PORT": 3000,
}
"""The settings, and what holds where they are not set."""
KEY_FILE = "PULMO_API_KEY_FILE"


@dataclass(frozen=True)
class WatchLayout:
    """Folders and ports of the watchers; they start in the root of what they watch."""

    watched: Layout
    ports: Mapping[str, int]
    """By the settings in `PORTS`."""
    key_file: Path | None
    """Holds the key with which the gateway's metrics are read, where it wants one."""

    @classmethod
    def read(cls, environment: Mapping[str, str], root: Path) -> Self:
        """Read the ports of the watchers and of the watched, and `PULMO_API_KEY_FILE`.

        Raises:
            LayoutError: a port is none, or there is no such file.
        """
        ports = {name: port_of(name, environment.get(name, port)) for name, port in PORTS.items()}
        named = environment.get(KEY_FILE)
        key_file = root / named if named else None
        if key_file is not None and not key_file.is_file():
            raise LayoutError(f"{KEY_FILE} is {named!r}; there is no such file. It must hold a key with scope predict")
        return cls(Layout.read(environment, root), ports, key_file)

    @property
    def root(self) -> Path:
        """The folder that everything is in."""
        return self.watched.root

    @property
    def run(self) -> Path:
        """What is written at each start: configurations, addresses, the lock and the pid file."""
        return self.watched.run / "watch"

    @property
    def provisioning(self) -> Path:
        """What Grafana is told."""
        return self.run / "grafana"

    def address(self, setting: str) -> str:
        """Return host and port of a watcher."""
        return f"127.0.0.1:{self.ports[setting]}"

    def url(self, setting: str) -> str:
        """Return where a watcher is."""
        return f"http://{self.address(setting)}"
