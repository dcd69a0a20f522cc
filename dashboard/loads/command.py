"""The command line of the load tests, as the console gives it: nothing in it is a visitor's text."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

SCENARIOS: Final[Mapping[str, str]] = {
    "baseline": "10 users",
    "normal": "50 users",
    "high": "100 users",
    "stress": "200 users",
    "spike": "10 users, then 500 at once, then 10",
}
"""Those that a visitor may start, each with who comes. (`soak` is left out: in short, it is `normal`.)"""
SHORTEST_S: Final = 5
LONGEST_S: Final = 60
MISSING: Final = (
    "No load test can be started here. Install the extra `loadtests` beside the console, or name what starts load "
    "tests in PULMO_LOAD_COMMAND, and start the console again. `make load` runs them from a terminal."
)
RESULTS: Final = "results"
FILES: Final = "files"
"""Folders of a run: its figures, and Locust's CSV."""
_KEYS: Final = "PULMO_API_KEY"


class LoadRefused(ValueError):
    """No load is started; the message says why, and what to do."""


def find_command(given: Sequence[str], python: str) -> tuple[str, ...]:
    """Return what starts load tests: what was given, or the module beside the console; nothing where there is none.

    Neither the module nor Locust is imported: both change the process that does (gevent replaces parts of the standard
    library).
    """
    if given:
        return tuple(given)
    spec = find_spec("loadtests")
    folders = (spec and spec.submodule_search_locations) or ()
    is_there = any((Path(folder) / "load" / "__main__.py").is_file() for folder in folders)
    return (python, "-m", "loadtests.load") if is_there and find_spec("locust") is not None else ()


def command_line(command: Sequence[str], scenario: str, seconds: int, url: str, folder: Path) -> list[str]:
    """Return the command that runs a scenario in its quick form, while others use the gateway, too.

    Raises:
        LoadRefused: it is none of `SCENARIOS`, or too short or too long.
    """
    if scenario not in SCENARIOS:
        raise LoadRefused(f"there is no scenario {scenario!r}; there are {', '.join(SCENARIOS)}")
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise LoadRefused(f"a load of {seconds} s is not started here; it may take {SHORTEST_S} to {LONGEST_S} s")
    return [
        *(*command, "run", scenario, "--quick", str(seconds), "--host", url, "--shared", "--csv-full-history"),
        *("--results", str(folder / RESULTS), "--files", str(folder / FILES)),
    ]


def environment(inherited: Mapping[str, str], credentials: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment of a load: the visitor's key and no other, and a folder for what is left behind."""
    others = {name: value for name, value in inherited.items() if not name.startswith(_KEYS)}
    return {**others, **credentials, "TMPDIR": str(folder)}
