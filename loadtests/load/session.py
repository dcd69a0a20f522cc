"""What happens around a run of Locust: it is prepared, counted, judged and written down."""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from locust import stats
from locust.env import Environment
from locust.event import Events
from locust.runners import WorkerRunner

from loadtests.images import ImagesMissing
from loadtests.load.figures import by_route, list_errors, summarise
from loadtests.load.generator import describe
from loadtests.load.ledger import to_rows
from loadtests.load.options import choose_images, read_limits, read_scenario
from loadtests.load.shapes import ScenarioShape
from loadtests.load.tally import Tally
from loadtests.load.thresholds import judge
from loadtests.load.workers import join_workers

_FLUSH_S: Final = 1
"""Whoever follows a run reads Locust's CSV; this is how Locust has its intervals set (its documentation, "Retrieve test
statistics in CSV format")."""


def add_to(events: Events) -> None:
    """Have Locust call what is here."""
    events.init.add_listener(_prepare)
    events.test_start.add_listener(_start)
    events.test_stop.add_listener(_stop)
    events.quitting.add_listener(_conclude)


def _prepare(environment: Environment, **_: object) -> None:
    """Read the images once for all users, and end Locust where there are none; set the scenario."""
    stats.CSV_STATS_FLUSH_INTERVAL_SEC = _FLUSH_S
    given = environment.parsed_options
    try:
        environment.images, environment.posted = choose_images(given.images)
    except ImagesMissing as error:
        raise SystemExit(str(error)) from error
    logging.getLogger(__name__).info("Posting %s", environment.posted)
    environment.tally = Tally()
    join_workers(environment, environment.tally)
    scenario = read_scenario(given)
    if scenario is not None:
        environment.shape_class = ScenarioShape(scenario)
        environment.shape_class.runner = environment.runner


def _start(environment: Environment, **_: object) -> None:
    environment.tally.start()


def _stop(environment: Environment, **_: object) -> None:
    environment.tally.generator.stop()


def _conclude(environment: Environment, **_: object) -> None:
    """Say what was not good enough, which makes the exit status 1, and write the figures down."""
    if isinstance(environment.runner, WorkerRunner):
        return  # the master judges all
    logger = logging.getLogger(__name__)
    figures = _figures(environment)
    for problem in figures["problems"]:
        logger.error(problem)
    for warning in figures["generator"]["warnings"]:
        logger.warning(warning)
    if figures["problems"]:
        environment.process_exit_code = 1
    report = environment.parsed_options.report
    if report is not None:
        Path(report).write_text(json.dumps(figures))


def _figures(environment: Environment) -> dict[str, Any]:
    given = environment.parsed_options
    scenario = read_scenario(given)
    summary = summarise(environment.stats)
    return {
        "scenario": given.scenario,
        "quick": given.quick is not None,
        "seconds": scenario.seconds if scenario else None,
        "users": scenario.users if scenario else given.num_users,
        "images": environment.posted,
        "summary": asdict(summary),
        "routes": by_route(environment.stats),
        "errors": list_errors(environment.stats),
        "generator": describe(environment.tally.readings()),
        "counts": to_rows(environment.tally.counts()),
        "problems": judge(summary, read_limits(given, scenario)),
    }
