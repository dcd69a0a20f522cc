"""What `make watch` starts: writes who is watched, then becomes supervisord over the programs of `supervisord.conf`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.layout import LayoutError
from deploy.local.supervision import check_ports, hold, supervise
from deploy.watch.configuration import write_configuration
from deploy.watch.layout import WatchLayout
from deploy.watch.programs import GRAFANA, PROGRAMS, PROMETHEUS, Program, find, grafana_home

_CONFIGURATION = Path(__file__).with_name("supervisord.conf")


def main() -> None:
    """Prepare, and replace this process by supervisord; exit with a message where that is not possible."""
    try:
        layout = WatchLayout.read(os.environ, Path.cwd())
        found = find(os.environ.get("PATH", ""))
        prepare(layout, found)
    except LayoutError as error:
        sys.exit(f"make watch: {error}")
    supervise(_CONFIGURATION, layout.root, environment(layout, found))


def prepare(layout: WatchLayout, found: Mapping[Program, Path]) -> None:
    """See to it that the programs can start: Prometheus is here, nobody else watches here, and the ports are free.

    Raises:
        LayoutError: they cannot.
    """
    if PROMETHEUS not in found:
        raise LayoutError(f"{PROMETHEUS.names[0]} is not on the PATH; on Debian: {PROMETHEUS.source}")
    layout.run.mkdir(parents=True, exist_ok=True)
    hold(layout.run / "lock", "this folder is watched already; stop that with Ctrl-C where it was started")
    check_ports({program.port: layout.ports[program.port] for program in found}, "make watch")
    write_configuration(layout, found)


def environment(layout: WatchLayout, found: Mapping[Program, Path]) -> dict[str, str]:
    """Return the values for `supervisord.conf`: of each program its port, its file, and whether it is there."""
    values = {name: str(port) for name, port in layout.ports.items()}
    for program in PROGRAMS:
        name = program.port.removesuffix("_PORT")
        values[name] = str(found.get(program, program.names[0]))
        values[f"{name}_FOUND"] = str(program in found).lower()
    values["PULMO_GRAFANA_HOME"] = str(grafana_home(found[GRAFANA])) if GRAFANA in found else ""
    values["PULMO_PROMETHEUS_URL"] = layout.url(PROMETHEUS.port)
    return values


if __name__ == "__main__":
    main()
