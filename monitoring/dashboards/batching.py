"""Batching and backend: how images are gathered into calls, and what the model server makes of them."""

from collections.abc import Sequence

from monitoring.dashboards import modelservers
from monitoring.dashboards.dashboard import Dashboard
from monitoring.dashboards.panel import Panel, Query, Row
from monitoring.dashboards.promql import gateways, growth, mean, share
from monitoring.dashboards.recurring import heat, level, quantiles, rates


def dashboard() -> Dashboard:
    """Return the dashboard, in the order in which an image goes."""
    return Dashboard(
        name="batching",
        title="Batching and backend",
        describe="How images are gathered into calls to the model, and what the model server makes of them.",
        rows=[
            Row("Batches", _batches()),
            Row("Waiting", _waiting()),
            Row("Calls to the model server", _calls()),
            Row("Result cache", _cache()),
            *modelservers.rows(),
        ],
    )


def _batches() -> Sequence[Panel]:
    return [
        heat(
            gateways("gateway_batch_size_bucket"),
            title="Batch size",
            describe="Calls to the model by the number of images in them.",
            unit="suffix: images",
        ),
        Panel(
            title="Images per call",
            describe="Mean number of images in a call to the model.",
            queries=(Query(mean("gateway_batch_size"), "mean"),),
            unit="suffix: images",
        ),
        rates(
            gateways("gateway_batches_total"),
            "trigger",
            title="Batches by trigger",
            describe="Calls to the model, by what made them due.",
            unit="suffix: calls/s",
            stacked=True,
        ),
    ]


def _waiting() -> Sequence[Panel]:
    limit = gateways("gateway_in_flight_limit")
    calling = growth(gateways("gateway_backend_rpc_duration_seconds_sum"))
    return [
        level(
            "gateway_queue_depth",
            "waiting",
            title="Queue",
            describe="Images that wait for a call to the model.",
            unit="suffix: images",
            width=6,
        ),
        Panel(
            title="Expected wait",
            describe="Time until the turn of an image that comes now, by its class of traffic, at the slowest gateway.",
            queries=(Query(f"max by (priority) ({gateways('gateway_expected_wait_seconds')})", "{{priority}}"),),
            unit="s",
            width=6,
        ),
        Panel(
            title="Calls and their limit",
            describe="Calls under way on average (seconds of successful calls per second), and how many there may be.",
            queries=(Query(calling, "under way"), Query(f"sum ({limit})", "limit")),
            unit="suffix: calls",
            width=6,
        ),
        Panel(
            title="Load ratio",
            describe="Calls under way on average, of those that may be: near 1 the model is what is waited for.",
            queries=(Query(f"{calling} / sum ({limit})", "load"),),
            unit="percentunit",
            width=6,
        ),
    ]


def _calls() -> Sequence[Panel]:
    return [
        rates(
            gateways("gateway_backend_rpcs_total"),
            "code",
            title="Calls by status",
            describe="Predict calls, by gRPC status.",
            unit="suffix: calls/s",
            width=6,
            stacked=True,
        ),
        quantiles(
            gateways("gateway_backend_rpc_duration_seconds_bucket"),
            (0.5, 0.95, 0.99),
            title="Time of a call",
            describe="Time of successful Predict calls, as the gateway sees it.",
            unit="s",
            width=6,
        ),
        Panel(
            title="Retries and bisections",
            describe="Calls sent once more after a lost connection, by what became of it, and batches halved because "
            "the model refused a row. Per second.",
            queries=(
                Query(growth(gateways("gateway_retries_total"), "outcome"), "retry {{outcome}}"),
                Query(growth(gateways("gateway_bisections_total")), "bisection"),
            ),
            unit="suffix: calls/s",
            width=6,
        ),
        rates(
            gateways("gateway_dropped_total"),
            "reason",
            title="Dropped before the model",
            describe="Images that were not sent: their client had gone, or their deadline had expired.",
            unit="suffix: images/s",
            width=6,
            stacked=True,
        ),
    ]


def _cache() -> Sequence[Panel]:
    lookups = "gateway_cache_requests_total"
    known = gateways(lookups, 'outcome=~"hit|shared"')
    return [
        rates(
            gateways(lookups),
            "outcome",
            title="Lookups",
            describe="Images looked up in the result cache, by what was found.",
            unit="suffix: images/s",
            stacked=True,
        ),
        Panel(
            title="Hit share",
            describe="Share of the lookups that cost no call: known, or being computed for somebody else.",
            queries=(Query(share(known, gateways(lookups)), "known or shared"),),
            unit="percentunit",
            most=1,
            absent="no lookups",
        ),
        level(
            "gateway_cache_entries",
            "answers",
            title="Entries",
            describe="Answers that the result cache holds.",
            unit="suffix: answers",
        ),
    ]
