"""Service status: a wall board. Every tile is judged; green everywhere is a good day."""

from collections.abc import Sequence
from typing import Final

from monitoring.dashboards import budgets, traffic
from monitoring.dashboards.dashboard import Dashboard
from monitoring.dashboards.hosts import DISK_LEFT, MEMORY_LEFT
from monitoring.dashboards.panel import Panel, Query, Row, Steps, above, below, none_of
from monitoring.dashboards.promql import gateways, share, times
from monitoring.objectives import OBJECTIVES

_WIDTH: Final = 6
_HEIGHT: Final = 5
_GIB: Final = 2**30
_INTERACTIVE: Final = 'priority="interactive"'
_HELPLESS: Final = 'state="helpless"'
_WATCHING: Final = 'state="watching"'


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        name="status",
        title="Service status",
        describe="A wall board: is anything wrong now, and how much may still go wrong?",
        rows=[Row("", tiles) for tiles in (_alerts(), _promises(), _spending(), _load(), _model(), _resources())],
    )


def _tile(title: str, describe: str, expr: str, unit: str, steps: Steps, absent: str = "no traffic") -> Panel:
    return Panel(
        title=title,
        describe=describe,
        queries=(Query(expr, title.lower()),),
        unit=unit,
        kind="stat",
        width=_WIDTH,
        height=_HEIGHT,
        steps=steps,
        absent=absent,
    )


def _alerts() -> Sequence[Panel]:
    def firing(severity: str) -> str:
        return f'count (ALERTS{{alertstate="firing", severity="{severity}"}}) or vector(0)'

    return [
        traffic.readiness(_WIDTH, _HEIGHT),
        _tile("Critical alerts", "Alerts that wake somebody.", firing("critical"), "none", none_of()),
        _tile("Warnings", "Alerts that wait for the morning.", firing("warning"), "none", none_of("orange")),
        _tile(
            "Processes away",
            "Targets that Prometheus cannot read.",
            "sum (up == bool 0)",
            "none",
            none_of(),
            absent="no targets",
        ),
    ]


def _promises() -> Sequence[Panel]:
    return [
        traffic.slowest(_WIDTH, _HEIGHT),
        traffic.part("refused", above(0.01, 0.05), _WIDTH, _HEIGHT),
        traffic.part("failed", above(0.0001, 0.001), _WIDTH, _HEIGHT),
        _tile(
            "Expected wait",
            "Time until the turn of an image that comes now, interactive, at the slowest gateway.",
            f"max ({gateways('gateway_expected_wait_seconds', _INTERACTIVE)})",
            "s",
            above(0.5, 2),
            absent="no gateway",
        ),
    ]


def _spending() -> Sequence[Panel]:
    sizes = (_WIDTH, _HEIGHT)
    return [tile(objective, *sizes) for objective in OBJECTIVES for tile in (budgets.left, budgets.burn)]


def _load() -> Sequence[Panel]:
    unwritten = gateways("history_rows_total", 'outcome=~"failed|refused|lost"')
    requests, limit = gateways("gateway_inflight_requests"), gateways("gateway_concurrency_limit")
    return [
        _tile(
            "Places taken",
            "Requests being answered, of the images that may be in the gateways at one time.",
            f"sum ({requests}) / sum ({limit})",
            "percentunit",
            above(0.7, 0.95),
            absent="no gateway",
        ),
        _tile(
            "Not recorded, 1 h",
            "Predictions that could not be written to the history in the last hour, or were left out of it.",
            f"{times(unwritten, '1h')} + {times(gateways('history_unrecorded_total'), '1h')}",
            "short",
            none_of(),
            absent="no gateway",
        ),
        _tile(
            "History queue",
            "Predictions that wait to be written.",
            f"sum ({gateways('history_queue_depth')})",
            "short",
            above(100, 1000),
            absent="no gateway",
        ),
        _tile(
            "Model servers away",
            "Model servers that take no part, at any gateway.",
            f"count (min by (server) ({gateways('gateway_model_server_ready')}) == 0) or vector(0)",
            "none",
            none_of("orange"),
        ),
    ]


def _model() -> Sequence[Panel]:
    return [
        Panel(
            title="Guard",
            describe="What the guard does: it watches a version that is new, or would take one back and has no other.",
            queries=(
                Query(
                    f"max ({gateways('gateway_guard_state', _HELPLESS)}) * 2 "
                    f"+ max ({gateways('gateway_guard_state', _WATCHING)})",
                    "state",
                ),
            ),
            unit="none",
            kind="stat",
            width=_WIDTH,
            height=_HEIGHT,
            mappings={
                "0": ("Nothing on trial", "green"),
                "1": ("Watching", "blue"),
                "2": ("Helpless", "red"),
                "3": ("Helpless", "red"),
            },
            absent="no gateway",
        ),
        _tile(
            "Versions that failed, 1 h",
            "Versions that could not be loaded or tried, or that the guard took back, in the last hour.",
            f"{times(gateways('gateway_model_version_failures_total'), '1h')} "
            f"+ {times(gateways('gateway_guard_rollbacks_total'), '1h')}",
            "none",
            none_of("orange"),
            absent="no gateway",
        ),
        _tile(
            "Abstentions, 10 min",
            "Share of the images answered with a warning not to rely on it, in the last ten minutes.",
            share(gateways("gateway_abstentions_total"), gateways("gateway_predictions_total"), "10m"),
            "percentunit",
            above(0.1, 0.2),
        ),
        _tile(
            "Drift",
            "Population stability index of what drifted most from the training data; 0.25 and more is a shift.",
            f"max ({gateways('gateway_drift_psi')})",
            "none",
            above(0.1, 0.25),
            absent="too few images",
        ),
    ]


def _resources() -> Sequence[Panel]:
    failed = gateways("gateway_jobs_total", 'status="failed"')
    return [
        _tile(
            "Memory of a gateway",
            "The one that holds most.",
            'max (process_resident_memory_bytes{job="gateway"})',
            "bytes",
            above(0.75 * _GIB, _GIB),
            absent="no gateway",
        ),
        _tile(
            "Disk left",
            "Of the fullest file system.",
            f"min ({DISK_LEFT})",
            "percentunit",
            below(0.15, 0.05),
            absent="no node exporter",
        ),
        _tile(
            "Memory left",
            "Of the host that has least.",
            f"min ({MEMORY_LEFT})",
            "percentunit",
            below(0.15, 0.05),
            absent="no node exporter",
        ),
        _tile(
            "Retrainings failed, 1 d",
            "Retrainings of which no version came because something was wrong, in the last day.",
            times(failed, "1d"),
            "none",
            none_of("orange"),
            absent="no gateway",
        ),
    ]
