"""What `make run` starts: sees to a first model, then becomes supervisord over the processes of `supervisord.conf`."""

import os
import sys
from pathlib import Path

from deploy.local.first_model import ensure_model
from deploy.local.layout import REST_PORT, Layout, LayoutError
from deploy.local.models_config import write_models_config
from deploy.local.supervision import check_ports, hold, supervise

_CONFIGURATION = Path(__file__).with_name("supervisord.conf")


def main() -> None:
    """Prepare, and replace this process by supervisord; exit with a message where that is not possible."""
    try:
        layout = prepare()
    except LayoutError as error:
        sys.exit(f"make run: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    environment = {
        "PULMO_GATEWAY_URL": layout.gateway,
        "PULMO_CONSOLE_PORT": str(layout.console_port),
        REST_PORT: str(layout.rest_port),
    }
    supervise(_CONFIGURATION, layout.root, environment)


def prepare() -> Layout:
    """See to it that the processes can start: nobody else runs here, the ports are free, and there is a model.

    Raises:
        LayoutError: they cannot.
    """
    layout = Layout.read(os.environ, Path.cwd())
    layout.run.mkdir(parents=True, exist_ok=True)
    hold(layout.run / "lock", "Pulmo runs already in this folder; stop it with Ctrl-C where it was started")
    ports = {
        "PULMO_PORT": layout.gateway_port,
        "PULMO_CONSOLE_PORT": layout.console_port,
        REST_PORT: layout.rest_port,
    }
    check_ports(ports, "make run")
    write_models_config(layout)
    ensure_model(layout)
    return layout


if __name__ == "__main__":
    main()
