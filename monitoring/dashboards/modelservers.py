"""What the model server says of itself: TensorFlow Serving's metrics, and those that the embedded server adds."""

from collections.abc import Sequence
from typing import Final

from monitoring.dashboards.panel import Panel, Query, Row
from monitoring.dashboards.promql import gateways
from monitoring.dashboards.recurring import quantiles, rates

_SERVING: Final = ":tensorflow:serving:"
_LOADING: Final = ":tensorflow:cc:saved_model:"
_OURS: Final = "pulmo_serving_"
_EMBEDDED_ONLY: Final = "Told by the embedded server alone."


def rows() -> Sequence[Row]:
    """Return the rows."""
    return [Row("Model server: calls", _server()), Row("Model server: versions", _loading())]


def _server() -> Sequence[Panel]:
    return [
        rates(
            f"{_SERVING}request_count",
            "status",
            title="Calls answered",
            describe="Calls that the model server answered, by outcome.",
            unit="suffix: calls/s",
            width=6,
            stacked=True,
        ),
        quantiles(
            f"{_SERVING}request_latency_bucket",
            (0.5, 0.95, 0.99),
            title="Time of a call at the server",
            describe="Time of a call that succeeded.",
            unit="µs",
            width=6,
        ),
        quantiles(
            f"{_SERVING}runtime_latency_bucket",
            (0.5, 0.95, 0.99),
            title="Time of a run",
            describe="Time of a run of the model that succeeded.",
            unit="µs",
            width=6,
        ),
        Panel(
            title="Calls in progress",
            describe=f"Calls that use a version now. {_EMBEDDED_ONLY}",
            queries=(Query(f"sum by (model_name) ({_OURS}calls_in_progress)", "{{model_name}}"),),
            unit="suffix: calls",
            width=6,
            absent="not told",
        ),
    ]


def _loading() -> Sequence[Panel]:
    return [
        Panel(
            title="Model servers",
            describe="Whether each model server takes part, at every gateway.",
            queries=(Query(f"min by (server) ({gateways('gateway_model_server_ready')})", "{{server}}"),),
            unit="none",
            kind="state-timeline",
            width=4,
            mappings={"0": ("away", "red"), "1": ("takes part", "green")},
        ),
        Panel(
            title="Versions at the server",
            describe=f"Each version and the state that it is in. {_EMBEDDED_ONLY}",
            queries=(Query(f"max by (model_name, version, state) ({_OURS}version_state)", "{{version}}"),),
            unit="none",
            kind="table",
            width=4,
            absent="not told",
            hidden=("Time", "Value"),
        ),
        Panel(
            title="Loads",
            describe="Attempts to load the versions that are there, by outcome, and warm-up records replayed.",
            queries=(
                Query(f"sum by (status) ({_LOADING}load_attempt_count)", "load {{status}}"),
                Query(f"sum ({_SERVING}model_warmup_records_read)", "warm-up records"),
            ),
            unit="short",
            width=4,
        ),
        Panel(
            title="Time to load and to warm up",
            describe="Of the versions that are there: time of the loads, and mean time of a warm-up.",
            queries=(
                Query(f"max by (model_path) ({_LOADING}load_latency)", "load {{model_path}}"),
                Query(
                    f"sum by (model_path) ({_SERVING}model_warmup_latency_sum) "
                    f"/ sum by (model_path) ({_SERVING}model_warmup_latency_count)",
                    "warm-up {{model_path}}",
                ),
            ),
            unit="µs",
            width=4,
        ),
        Panel(
            title="Failing versions",
            describe=f"Versions whose last load failed. {_EMBEDDED_ONLY}",
            queries=(Query(f"sum by (model_name) ({_OURS}failing_versions)", "{{model_name}}"),),
            unit="suffix: versions",
            width=4,
            absent="not told",
        ),
        Panel(
            title="Look at the store",
            describe=f"Time since the store could be read. {_EMBEDDED_ONLY}",
            queries=(Query(f"max by (model_name) ({_OURS}last_poll_age_seconds)", "{{model_name}}"),),
            unit="s",
            width=4,
            absent="not told",
        ),
    ]
