"""Write the generated dashboards: `python -m monitoring.generate`."""

import json
import sys
from pathlib import Path
from typing import Final

from monitoring.dashboards import dashboards

FOLDER: Final = Path(__file__).with_name("grafana") / "dashboards"


def render() -> dict[Path, str]:
    """Return the text of every generated file."""
    return {FOLDER / f"{name}.json": json.dumps(dashboard, indent=2) + "\n" for name, dashboard in dashboards().items()}


def main() -> None:
    """Write the files, and name them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in render().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
