"""What the tiles say of the error budgets, worked out by promtool from series that anybody can count."""

import subprocess
from pathlib import Path

import pytest
import yaml

from monitoring.dashboards import budgets
from monitoring.dashboards.catalogue import panels
from monitoring.dashboards.panel import Panel
from monitoring.dashboards.promql import substituted
from monitoring.generate import RULES
from monitoring.objectives import OBJECTIVES, Objective

AVAILABILITY, LATENCY = OBJECTIVES
REQUESTS = 'gateway_requests_total{instance="a", route="/predict", method="POST"'
TIMES = 'gateway_request_duration_seconds_{}{{instance="a", route="/predict"{}}}'
NOTHING = "0x120"


def answered(good: str, failed: str) -> dict[str, str]:
    return {f'{REQUESTS}, code="200"}}': good, f'{REQUESTS}, code="500"}}': failed}


def timed(all_of_them: str, in_time: str) -> dict[str, str]:
    return {TIMES.format("count", ""): all_of_them, TIMES.format("bucket", ', le="0.5"'): in_time}


CASES = [
    pytest.param(budgets.left(AVAILABILITY, 4, 4), answered("0+9995x120", "0+5x120"), 0.5, id="half-is-left"),
    pytest.param(budgets.left(AVAILABILITY, 4, 4), answered("0+100x120", NOTHING), 1, id="all-is-left"),
    pytest.param(budgets.left(AVAILABILITY, 4, 4), answered("0+998x120", "0+2x120"), -1, id="twice-is-spent"),
    pytest.param(budgets.left(AVAILABILITY, 4, 4), answered(NOTHING, NOTHING), None, id="no-traffic"),
    pytest.param(budgets.left(LATENCY, 4, 4), timed("0+1000x120", "0+995x120"), 0.5, id="half-of-latency"),
    pytest.param(budgets.left(LATENCY, 4, 4), timed(NOTHING, NOTHING), None, id="no-traffic-to-time"),
    pytest.param(budgets.burn(AVAILABILITY, 4, 4), answered("0+985x120", "0+15x120"), 15, id="fifteen-times"),
    pytest.param(budgets.burn(AVAILABILITY, 4, 4), answered(NOTHING, NOTHING), None, id="no-burn-without-traffic"),
    pytest.param(budgets.burn(LATENCY, 4, 4), timed("0+100x120", "0+99x120"), 1, id="just-lasting"),
]


@pytest.mark.parametrize(("panel", "series", "value"), CASES)
def test_a_tile_says_what_is_left_and_how_fast_it_goes(
    panel: Panel, series: dict[str, str], value: float | None, promtool: Path, tmp_path: Path
) -> None:
    """
    One in a thousand may fail and one in a hundred may be late; without traffic there is no number.
    """
    expr = f"round(sum({substituted(panel.queries[0].expr, '5m')}), 0.001)"
    document = {
        "rule_files": [str(RULES / "objectives.yml")],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": expr,
                        "eval_time": "2h",
                        "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document))

    ended = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_every_objective_is_on_the_wall(objective: Objective) -> None:
    """
    With what is left of its budget, and how fast it goes, both judged.
    """
    on_the_wall = {panel.title for board, panel in panels() if board.name == "status" and panel.judged}

    assert {tile(objective, 4, 4).title for tile in (budgets.left, budgets.burn)} <= on_the_wall
