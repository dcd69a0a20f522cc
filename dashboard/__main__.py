"""Start the console: `python -m dashboard [--port 8501] [--address 127.0.0.1]`.

Streamlit looks for its config file in the working directory only; so the options are given on its command line.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboard.settings import Settings
from dashboard.training.archives import MAX_MB

UPLOAD_LIMIT_MB = MAX_MB + 1
"""What a page lets one upload at most, and the form around it; each uploader has a limit of its own."""
APP = Path(__file__).with_name("app.py")
THEME = {
    "headingFontSizes": '["2.25rem", "1.5rem", "1.25rem"]',
    "metricValueFontSize": "1.4rem",
    "paddingTop": "3rem",
    "paddingBottom": "3rem",
    "light.primaryColor": "#1f5fa8",
    "light.textColor": "#0b0d12",
    "light.chartCategoricalColors": '["#1f5fa8", "#86b4e3", "#4d5560", "#a9b0ba", "#1c2733"]',
    "dark.primaryColor": "#8ab8ec",
    "dark.textColor": "#ffffff",
    "dark.chartCategoricalColors": '["#8ab8ec", "#3d74b3", "#d4d9e0", "#868e99", "#ffffff"]',
}
"""Sizes, and colours with a contrast of 4.5 to 1 or more (WCAG 2.2, AA); captions have 60 % of the text's. Charts are
blue and grey: red and green are for what is judged."""


def command(port: int, address: str) -> list[str]:
    """Return the command line that runs the console."""
    options = {
        "server.port": port,
        "server.address": address,
        "server.headless": "true",
        "server.maxUploadSize": UPLOAD_LIMIT_MB,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "runner.magicEnabled": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        **{f"theme.{name}": colour for name, colour in THEME.items()},
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags]


def main(arguments: Sequence[str] | None = None) -> None:
    """Check the settings, then become Streamlit: the same process, so that its supervisor can stop it."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description="The console of Pulmo.")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--address", default="127.0.0.1")
    options = parser.parse_args(arguments)
    try:
        Settings.from_env(os.environ)
    except ValueError as error:
        parser.error(str(error))
    line = command(options.port, options.address)
    os.execv(line[0], line)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
