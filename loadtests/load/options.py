"""Our options beside Locust's."""

from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from locust.event import Events

from loadtests.images import Image, read_images
from loadtests.load.scenarios import SCENARIOS, Limits, Scenario

_PHANTOMS: Final = (Path("var/phantoms/valid"), Path("data/samples"))
"""Drawn slices: those that `make run` made for its first model, or the four that come with the repository."""


def add_to(events: Events) -> None:
    """Have Locust know them."""
    events.init_command_line_parser.add_listener(_add_arguments)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--scenario", choices=list(SCENARIOS), include_in_web_ui=False, help="Users and time by name")
    parser.add_argument(
        "--quick", type=_seconds, include_in_web_ui=False, help="The scenario in so many seconds, as many users"
    )
    parser.add_argument(
        "--images",  # text, not a path: the master sends its options to its workers as MessagePack
        env_var="PULMO_IMAGES",
        include_in_web_ui=False,
        help="Folder of the PNG and JPEG images to post; without one, phantoms are posted",
    )
    parser.add_argument(
        "--api-key",
        default="",
        env_var="PULMO_API_KEY",
        is_secret=True,
        help="What the gateway wants, if it wants one; of the scope operate, because users read the history",
    )
    for name, unit in (("max-p99-ms", "milliseconds"), ("min-rate", "requests/s"), ("max-refused", "0 to 1")):
        parser.add_argument(
            f"--{name}", type=float, include_in_web_ui=False, help=f"Limit in place of the scenario's ({unit})"
        )
    parser.add_argument("--report", include_in_web_ui=False, help="Write the figures as JSON to this file")


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds <= 0:
        raise ArgumentTypeError(f"{text} is no time; write seconds")
    return seconds


def read_scenario(given: Any) -> Scenario | None:  # noqa: ANN401 - a namespace
    """Return the scenario that was asked for; None where users and time are given by hand."""
    if given.scenario is None:
        return None
    scenario = SCENARIOS[given.scenario]
    return scenario if given.quick is None else scenario.quick(given.quick)


def read_limits(given: Any, scenario: Scenario | None) -> Limits:  # noqa: ANN401 - a namespace
    """Return the limits of the scenario, or what was given in their place."""
    named = {"p99_ms": given.max_p99_ms, "rate": given.min_rate, "refused": given.max_refused}
    limits = scenario.limits if scenario else Limits()
    return replace(limits, **{name: value for name, value in named.items() if value is not None})


def choose_images(folder: str | None) -> tuple[list[Image], str]:
    """Return the images to post, and in words which they are.

    Raises:
        ImagesMissing: there are none in `folder`, or no phantoms where none was named.
    """
    if folder is not None:
        images = read_images(Path(folder))
        return images, f"{len(images)} images of the folder that was named"
    phantoms = next((place for place in _PHANTOMS if place.is_dir()), _PHANTOMS[-1])
    images = read_images(phantoms)
    return images, f"{len(images)} drawn images of {phantoms}; no folder was named with --images"
