"""Write what is generated, the dashboards and the rules: `python -m monitoring.generate`."""

import json
import sys
from pathlib import Path
from typing import Final

from monitoring import objectives, symptoms
from monitoring.dashboards.catalogue import catalogue
from monitoring.rules import Windows, to_yaml
from monitoring.symptoms import Limits

_HERE: Final = Path(__file__).parent
DASHBOARDS: Final = _HERE / "grafana" / "dashboards"
RULES: Final = _HERE / "rules"


def render() -> dict[Path, str]:
    """Return the text of every generated file."""
    return {
        **{DASHBOARDS / f"{board.name}.json": json.dumps(board.to_json(), indent=2) + "\n" for board in catalogue()},
        **{RULES / name: text for name, text in rules(Windows()).items()},
    }


def rules(windows: Windows, limits: Limits = Limits()) -> dict[str, str]:  # noqa: B008 - immutable
    """Return the text of every rule file, by its name."""
    return {
        "objectives.yml": to_yaml(objectives.groups(windows)),
        "symptoms.yml": to_yaml(symptoms.groups(windows, limits)),
    }


def main() -> None:
    """Write the files, and name them."""
    for path, text in render().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
