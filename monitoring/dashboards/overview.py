"""The overview: is the service well, how fast is it, and where does the time go?"""

from collections.abc import Sequence
from typing import Final

from monitoring.dashboards import budgets, traffic
from monitoring.dashboards.dashboard import Dashboard
from monitoring.dashboards.panel import Panel, Query, Row, above
from monitoring.dashboards.promql import gateways, growth, mean
from monitoring.dashboards.recurring import heat, quantiles, rates
from monitoring.objectives import OBJECTIVES

_WIDTH: Final = 4
_HEIGHT: Final = 4


def dashboard() -> Dashboard:
    """Return the dashboard, from what clients see down to where the time goes."""
    return Dashboard(
        name="overview",
        title="Overview",
        describe="What clients ask for and get, how fast, and where the time goes.",
        rows=[
            Row("Now", _now()),
            Row("Service level objectives", _objectives()),
            Row("Traffic", _traffic()),
            Row("Latency", _latency()),
            Row("Images", _images()),
        ],
    )


def _now() -> Sequence[Panel]:
    return [
        traffic.readiness(_WIDTH, _HEIGHT),
        Panel(
            title="Version",
            describe="The versions that have a part of the traffic; two while gateways change over, or on a trial.",
            queries=(Query(f"max by (version) ({gateways('model_info')}) == 1", "{{version}}"),),
            unit="none",
            kind="stat",
            width=_WIDTH,
            height=_HEIGHT,
            absent="none",
        ),
        Panel(
            title="Offered",
            describe="Requests for predictions that come.",
            queries=(Query(growth(traffic.ALL), "offered"),),
            unit="reqps",
            kind="stat",
            width=_WIDTH,
            height=_HEIGHT,
        ),
        traffic.slowest(_WIDTH, _HEIGHT),
        traffic.part("refused", above(0.01, 0.05), _WIDTH, _HEIGHT),
        traffic.part("failed", above(0.0001, 0.001), _WIDTH, _HEIGHT),
    ]


def _objectives() -> Sequence[Panel]:
    tiles = [budgets.left(objective, width=_WIDTH, height=6) for objective in OBJECTIVES]
    return [*tiles, budgets.burns(24 - _WIDTH * len(tiles))]


def _traffic() -> Sequence[Panel]:
    return [
        traffic.offered(width=12),
        rates(
            gateways(traffic.REQUESTS),
            "route",
            title="Requests by route",
            describe="Requests answered, however.",
            unit="reqps",
            width=6,
            stacked=True,
        ),
        rates(
            gateways("gateway_rejected_total"),
            "reason",
            title="Problems by reason",
            describe="Requests that ended in a problem document, by the problem's name.",
            unit="reqps",
            width=6,
            stacked=True,
        ),
    ]


def _latency() -> Sequence[Panel]:
    return [
        quantiles(
            traffic.PREDICT_TIME,
            (0.5, 0.95, 0.99),
            title="Latency of /predict",
            describe="Time from a request to the end of its reply; the objective is 0.5 s.",
            unit="s",
            steps=((None, "green"), (0.5, "red")),
        ),
        Panel(
            title="Time per stage",
            describe="Mean time that an answered image spent in each stage, stacked: the height is the whole.",
            queries=(Query(mean("gateway_stage_duration_seconds", "stage"), "{{stage}}"),),
            unit="s",
            stacked=True,
        ),
        heat(
            traffic.PREDICT_TIME,
            title="Latency of /predict, heat map",
            describe="Requests to /predict by the time they took.",
            unit="s",
        ),
    ]


def _images() -> Sequence[Panel]:
    return [
        rates(
            gateways("gateway_predictions_total"),
            "version",
            title="Images answered",
            describe="Images answered, by the version that did.",
            unit="suffix: images/s",
            stacked=True,
        ),
        rates(
            gateways("gateway_image_rejects_total"),
            "reason",
            title="Rejected images",
            describe="Images that were not accepted, by the problem's name.",
            unit="suffix: images/s",
            stacked=True,
        ),
        Panel(
            title="In flight and limit",
            describe="Requests being answered, and the images that may be anywhere between arrival and reply.",
            queries=(
                Query(f"sum ({gateways('gateway_inflight_requests')})", "requests in flight"),
                Query(f"sum ({gateways('gateway_concurrency_limit')})", "limit for images"),
            ),
            unit="short",
        ),
    ]
