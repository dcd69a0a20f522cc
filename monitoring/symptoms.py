"""The alerts on what an operator must know before users say so."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.objectives import DAY, HOUR, MINUTE
from monitoring.rules import Alert, Group, Windows


@dataclass(frozen=True)
class Limits:
    """How much of a host is too much; a test that cannot have as much lowers them."""

    memory_bytes: int = 2**30
    """That the processes of a gateway may hold, all together."""
    no_disks: str = "tmpfs|overlay|squashfs"
    """Types of file systems that hold nothing of ours, or never fill: an expression of Prometheus."""


def groups(windows: Windows, limits: Limits = Limits()) -> Sequence[Group]:
    """Return the alerts, by what they watch."""
    return [
        Group("service", (), _service(windows)),
        Group("load", (), _load(windows)),
        Group("model", (), _model(windows)),
        Group("host", (), _host(windows, limits)),
    ]


def _service(windows: Windows) -> Sequence[Alert]:
    reloads = "gateway_api_key_reloads_total"
    return [
        Alert(
            name="Watchdog",
            expr="vector(1)",
            severity="none",
            summary="Alerts are delivered.",
            description="This alert always fires. Whoever stops hearing it has no alerts at all.",
        ),
        Alert(
            name="TargetDown",
            expr="up == 0",
            wait=windows(MINUTE),
            severity="critical",
            summary="{{ $labels.job }} does not answer.",
            description="Prometheus cannot read {{ $labels.instance }}.",
        ),
        Alert(
            name="NoModelReady",
            expr="min by (instance) (gateway_backend_ready) == 0",
            wait=windows(MINUTE),
            severity="critical",
            summary="No version of the model can answer.",
            description="The gateway {{ $labels.instance }} has no version to ask; it refuses every image with 503.",
        ),
        Alert(
            name="ModelServerAway",
            expr="min by (server) (gateway_model_server_ready) == 0",
            wait=windows(2 * MINUTE),
            severity="warning",
            summary="A model server takes no part.",
            description="{{ $labels.server }} is away or still loading; the others carry its load.",
        ),
        Alert(
            name="KeysNotTaken",
            expr=f'sum by (instance) (increase({reloads}{{outcome="refused"}}[{windows(HOUR)}])) > 0',
            severity="warning",
            summary="A change of the API keys was not taken.",
            description="{{ $labels.instance }} could not use the file, and goes on with the keys before.",
        ),
        Alert(
            name="RestartLoop",
            expr=f"changes(process_start_time_seconds[{windows(15 * MINUTE)}]) > 2",
            severity="critical",
            summary="{{ $labels.job }} starts again and again.",
            description="{{ $labels.instance }} has started {{ $value }} times in a quarter of an hour.",
        ),
    ]


def _load(windows: Windows) -> Sequence[Alert]:
    span = windows(5 * MINUTE)
    refused = f'sum (rate(gateway_requests_total{{code=~"429|503"}}[{span}]))'
    return [
        Alert(
            name="QueueSaturated",
            expr='max by (instance) (gateway_expected_wait_seconds{priority="interactive"}) > 2',
            wait=windows(2 * MINUTE),
            severity="warning",
            summary="Images wait for seconds.",
            description="An image that comes to {{ $labels.instance }} now waits {{ $value | humanizeDuration }}.",
        ),
        Alert(
            name="RequestsRefused",
            expr=f"{refused} / (sum (rate(gateway_requests_total[{span}])) > 0) > 0.05",
            wait=windows(2 * MINUTE),
            severity="warning",
            summary="Requests are refused.",
            description="{{ $value | humanizePercentage }} of the requests are answered with 429 or 503.",
        ),
        Alert(
            name="HistoryFails",
            expr=f'sum by (instance) (increase(history_rows_total{{outcome=~"failed|refused|lost"}}[{span}])) > 0',
            severity="critical",
            summary="Predictions cannot be recorded.",
            description="{{ $labels.instance }} did not write {{ $value | humanize }} predictions in five minutes.",
        ),
        Alert(
            name="HistoryLeftOut",
            expr=f"sum by (instance) (increase(history_unrecorded_total[{span}])) > 0",
            severity="warning",
            summary="Predictions are given without being recorded.",
            description="{{ $labels.instance }} left out {{ $value | humanize }} predictions in five minutes.",
        ),
        Alert(
            name="HistoryBacklog",
            expr="history_queue_depth > 1000",
            wait=windows(MINUTE),
            severity="warning",
            summary="The history falls behind.",
            description="{{ $value }} predictions wait to be written at {{ $labels.instance }}.",
        ),
    ]


def _model(windows: Windows) -> Sequence[Alert]:
    span = windows(10 * MINUTE)
    abstained = f"sum by (version) (rate(gateway_abstentions_total[{span}]))"
    answered = f"sum by (version) (rate(gateway_predictions_total[{span}]))"
    return [
        Alert(
            name="VersionNotLoaded",
            expr=f"sum by (reason) (increase(gateway_model_version_failures_total[{windows(15 * MINUTE)}])) > 0",
            severity="warning",
            summary="A new version of the model cannot be used.",
            description="It failed at this step: {{ $labels.reason }}. The version before goes on answering.",
        ),
        Alert(
            name="VersionTakenBack",
            expr=f"sum by (measure) (increase(gateway_guard_rollbacks_total[{windows(HOUR)}])) > 0",
            severity="warning",
            summary="The guard took a version back.",
            description="It was worse than the version before in this measure: {{ $labels.measure }}.",
        ),
        Alert(
            name="AbstentionsHigh",
            expr=f"{abstained} / ({answered} > 0) > 0.2",
            wait=windows(10 * MINUTE),
            severity="warning",
            summary="Many predictions are none to rely on.",
            description="Version {{ $labels.version }} abstains from {{ $value | humanizePercentage }} of the images.",
        ),
        Alert(
            name="InputDrifts",
            expr="max by (version, feature) (gateway_drift_psi) > 0.25",
            wait=windows(30 * MINUTE),
            severity="warning",
            summary="A version gets other images than it was validated with.",
            description=(
                "Version {{ $labels.version }} differs in this: {{ $labels.feature }}. "
                'Its population stability index is {{ $value | printf "%.2f" }}; up to 0.25 is usual.'
            ),
        ),
        Alert(
            name="RetrainingFailed",
            expr=f'sum (increase(gateway_jobs_total{{status="failed"}}[{windows(HOUR)}])) > 0',
            severity="warning",
            summary="A retraining failed.",
            description="No version came of it; GET /training-sessions says why.",
        ),
        Alert(
            name="GuardHelpless",
            expr='max by (instance) (gateway_guard_state{state="helpless"}) == 1',
            severity="critical",
            summary="A bad version answers, and there is no other one.",
            description="The guard at {{ $labels.instance }} would take the version back, and has nothing to route to.",
        ),
    ]


def _host(windows: Windows, limits: Limits) -> Sequence[Alert]:
    free = f'node_filesystem_avail_bytes{{fstype!~"{limits.no_disks}"}}'
    left = f"{free} / node_filesystem_size_bytes"
    return [
        Alert(
            name="MemoryHigh",
            expr=f'process_resident_memory_bytes{{job="gateway"}} > {limits.memory_bytes}',
            wait=windows(10 * MINUTE),
            severity="warning",
            summary="The gateway's memory grows.",
            description="{{ $labels.instance }} holds {{ $value | humanize1024 }}B.",
        ),
        Alert(
            name="DiskFilling",
            expr=f"predict_linear({free}[{windows(6 * HOUR)}], {windows.seconds(DAY):g}) < 0 and {left} < 0.4",
            wait=windows(30 * MINUTE),
            severity="warning",
            summary="A disk is full within a day.",
            description="{{ $labels.mountpoint }} of {{ $labels.instance }} fills at the rate of the last six hours.",
        ),
        Alert(
            name="DiskFull",
            expr=f"{left} < 0.05",
            wait=windows(5 * MINUTE),
            severity="critical",
            summary="A disk is nearly full.",
            description="{{ $labels.mountpoint }} of {{ $labels.instance }}: {{ $value | humanizePercentage }} left.",
        ),
    ]
