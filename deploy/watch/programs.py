"""The programs that watch: which of them are on this machine, and where the others come from."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ADMINISTRATORS = ("/usr/sbin", "/usr/local/sbin")  # where packages put servers, and users' PATH does not lead


@dataclass(frozen=True)
class Program:
    """One of them."""

    title: str
    names: tuple[str, ...]
    """Of its file: Debian's, and the project's own."""
    source: str
    """How to get it."""
    port: str
    """The setting that names its port."""


PROMETHEUS = Program("Prometheus", ("prometheus",), "apt-get install prometheus", port="PULMO_PROMETHEUS_PORT")
ALERTMANAGER = Program(
    "Alertmanager",
    ("prometheus-alertmanager", "alertmanager"),
    "apt-get install prometheus-alertmanager",
    port="PULMO_ALERTMANAGER_PORT",
)
NODE_EXPORTER = Program(
    "Node exporter",
    ("prometheus-node-exporter", "node_exporter"),
    "apt-get install prometheus-node-exporter",
    port="PULMO_NODE_EXPORTER_PORT",
)
GRAFANA = Program("Grafana", ("grafana",), "https://grafana.com/grafana/download", port="PULMO_GRAFANA_PORT")
PROGRAMS = (PROMETHEUS, ALERTMANAGER, NODE_EXPORTER, GRAFANA)


def find(path: str) -> Mapping[Program, Path]:
    """Return those of `PROGRAMS` that are here.

    Args:
        path: folders to look in, as in PATH; those of administrators are looked in after them.
    """
    folders = os.pathsep.join((path, *_ADMINISTRATORS))
    found = {program: _first(program.names, folders) for program in PROGRAMS}
    return {program: file for program, file in found.items() if file is not None}


def grafana_home(program: Path) -> Path:
    """Return the folder with Grafana's own files: the package's, or that of an unpacked archive with `bin/grafana`."""
    packaged = Path("/usr/share/grafana")
    return packaged if packaged.is_dir() else program.resolve().parent.parent


def _first(names: tuple[str, ...], folders: str) -> Path | None:
    return next((Path(file) for name in names if (file := shutil.which(name, path=folders))), None)
