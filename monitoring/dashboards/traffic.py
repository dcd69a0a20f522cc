"""The requests that predictions are asked for with, and what became of them."""

from typing import Final

from monitoring.dashboards.panel import Panel, Query, Steps, above
from monitoring.dashboards.promql import gateways, growth, quantile, share

REQUESTS: Final = "gateway_requests_total"
PREDICTING: Final = 'route=~"/predict|/predict-batch|/explain|/v2/models/.*/infer"'
ALL: Final = gateways(REQUESTS, PREDICTING)
"""Requests that ask for predictions; looking at health, history or metrics is no load."""
OUTCOMES: Final = {
    "good": 'code=~"2.."',
    "refused": 'code=~"429|503"',
    "failed": 'code=~"5..", code!="503"',
    "wrong": 'code=~"4..", code!="429"',
}
"""Of requests. Refused: the service was at its limit or had no model. Wrong: the client's fault."""
PREDICT_TIME: Final = gateways("gateway_request_duration_seconds_bucket", 'route="/predict"')


def becoming(outcome: str) -> str:
    """Return the series of the requests for predictions that ended so."""
    return gateways(REQUESTS, f"{PREDICTING}, {OUTCOMES[outcome]}")


def offered(width: int) -> Panel:
    """Return a panel with what was offered, and what became of it."""
    parts = (Query(f"{growth(becoming(outcome))} or vector(0)", outcome) for outcome in OUTCOMES)
    return Panel(
        title="Offered, good and refused",
        describe="Requests for predictions: all that came, answered with a prediction (2xx), refused at the limit or "
        "without a model (429, 503), failed (other 5xx) and wrong (other 4xx).",
        queries=(Query(growth(ALL), "offered"), *parts),
        unit="reqps",
        width=width,
    )


def part(outcome: str, steps: Steps, width: int, height: int) -> Panel:
    """Return a tile with the share of an outcome in the last five minutes."""
    return Panel(
        title=f"{outcome.capitalize()}, 5 min",
        describe=f"Share of the requests for predictions that were {outcome}, in the last five minutes.",
        queries=(Query(share(becoming(outcome), ALL, "5m"), outcome),),
        unit="percentunit",
        kind="stat",
        width=width,
        height=height,
        steps=steps,
    )


def slowest(width: int, height: int) -> Panel:
    """Return a tile with the time in which 95 % of the requests to /predict were answered; the objective is 0.5 s."""
    return Panel(
        title="p95 of /predict, 5 min",
        describe="Within this time 95 % of the requests to /predict were answered, in the last five minutes.",
        queries=(Query(quantile(0.95, PREDICT_TIME, window="5m"), "p95"),),
        unit="s",
        kind="stat",
        width=width,
        height=height,
        steps=above(0.25, 0.5),
    )


def readiness(width: int, height: int) -> Panel:
    """Return a tile that says whether every gateway has a version of the model to ask."""
    return Panel(
        title="Model",
        describe="Whether a version of the model can answer, at every gateway.",
        queries=(Query(f"min ({gateways('gateway_backend_ready')})", "ready"),),
        unit="none",
        kind="stat",
        width=width,
        height=height,
        mappings={"0": ("Not ready", "red"), "1": ("Ready", "green")},
        absent="no gateway",
    )
