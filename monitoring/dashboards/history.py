"""History and host: what is kept, what is done beside predictions, and what it all runs on."""

from collections.abc import Sequence

from monitoring.dashboards import hosts
from monitoring.dashboards.dashboard import Dashboard
from monitoring.dashboards.panel import Panel, Query, Row
from monitoring.dashboards.promql import gateways, growth
from monitoring.dashboards.recurring import quantiles, rates


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return Dashboard(
        name="history",
        title="History and host",
        describe="What is kept, what is done beside predictions, and what it all runs on.",
        span="now-3h",
        rows=[
            Row("History", _history()),
            Row("Reading and keeping", _keeping()),
            Row("Jobs and uploads", _jobs()),
            Row("Access", _access()),
            *hosts.rows(),
        ],
    )


def _history() -> Sequence[Panel]:
    return [
        rates(
            gateways("history_rows_total"),
            "outcome",
            title="Rows",
            describe="Predictions handed to the history, by what became of them.",
            unit="suffix: rows/s",
            stacked=True,
        ),
        Panel(
            title="Waiting",
            describe="Predictions that wait to be written, and those answered before they are committed, which only "
            "durability `async` allows.",
            queries=(
                Query(f"sum ({gateways('history_queue_depth')})", "waiting"),
                Query(f"sum ({gateways('history_unconfirmed')})", "answered, not committed"),
            ),
            unit="suffix: rows",
        ),
        quantiles(
            gateways("history_commit_duration_seconds_bucket"),
            (0.5, 0.95, 0.99),
            title="Time of a commit",
            describe="Time of a group commit.",
            unit="s",
        ),
    ]


def _keeping() -> Sequence[Panel]:
    return [
        Panel(
            title="Durability",
            describe="What an answer promises of its row: `normal` survives a killed process, `full` a loss of power.",
            queries=(Query(f"max by (mode) ({gateways('history_durability')})", "{{mode}}"),),
            unit="none",
            kind="state-timeline",
            mappings={"0": ("no", "#6e6e6e"), "1": ("promised", "blue")},
        ),
        Panel(
            title="Deleted and left out",
            describe="Rows deleted because of their age or number, and predictions answered without a row. Per second.",
            queries=(
                Query(growth(gateways("history_deleted_rows_total")), "deleted"),
                Query(growth(gateways("history_unrecorded_total")), "left out"),
            ),
            unit="suffix: rows/s",
        ),
        rates(
            gateways("gateway_requests_total", 'route=~"/history.*|/feedback.*"'),
            "route",
            title="Reads, exports and feedback",
            describe="Requests that read the history, export it or add true labels.",
            unit="reqps",
        ),
    ]


def _jobs() -> Sequence[Panel]:
    return [
        Panel(
            title="Retraining",
            describe="Whether a retraining runs.",
            queries=(Query(f"max ({gateways('gateway_job_running')})", "retraining"),),
            unit="none",
            kind="state-timeline",
            mappings={"0": ("idle", "#6e6e6e"), "1": ("runs", "blue")},
        ),
        Panel(
            title="Retrainings ended",
            describe="By what became of them. In all.",
            queries=(Query(f"sum by (status) ({gateways('gateway_jobs_total')})", "{{status}}"),),
            unit="suffix: jobs",
        ),
        rates(
            gateways("gateway_uploads_total"),
            "outcome",
            title="Uploads",
            describe="Images that were sent to be kept, by what became of them.",
            unit="suffix: images/s",
            stacked=True,
        ),
    ]


def _access() -> Sequence[Panel]:
    return [
        rates(
            gateways("gateway_access_total"),
            "outcome",
            title="Requests that need a key",
            describe="By what became of them; none where no keys are set.",
            unit="reqps",
            width=12,
            stacked=True,
        ),
        Panel(
            title="Keys",
            describe="API keys that hold now, at the gateway that has fewest.",
            queries=(Query(f"min ({gateways('gateway_api_keys')})", "keys"),),
            unit="suffix: keys",
            width=6,
        ),
        Panel(
            title="Changes of the keys",
            describe="Times that the file of API keys was found changed, by whether its keys were taken. In all.",
            queries=(Query(f"sum by (outcome) ({gateways('gateway_api_key_reloads_total')})", "{{outcome}}"),),
            unit="short",
            width=6,
        ),
    ]
