"""Every alert, in Prometheus' own test of rules: it fires, stays silent, and clears."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from gateway.drift.stability import LARGE
from monitoring import objectives, symptoms
from monitoring.generate import RULES
from monitoring.rules import RUNBOOKS, Alert, Windows
from monitoring.tests.queries import exposed, names_in
from tests.processes import ROOT

ALERTS = [
    alert for groups in (objectives.groups, symptoms.groups) for group in groups(Windows()) for alert in group.alerts
]
G = 'job="gateway", instance="gateway:8000"'
ROUTE = f'{G}, route="/predict", method="POST"'
DISK = 'job="host", instance="host:9100", mountpoint="/", fstype="ext4"'


@dataclass(frozen=True)
class Case:
    """What Prometheus sees minute by minute (its notation: `0+5x10` is ten steps of 5), and what it says when."""

    alert: str
    series: Mapping[str, str]
    silent: str
    """When nothing fires yet, though it may be about to."""
    firing: str
    cleared: str
    labels: Mapping[str, str] = field(default_factory=dict)


def requests(bad: str, good: str) -> dict[str, str]:
    return {
        f'gateway_requests_total{{{ROUTE}, code="503"}}': bad,
        f'gateway_requests_total{{{ROUTE}, code="200"}}': good,
    }


def late(all_: str, quick: str) -> dict[str, str]:
    labels = f'{G}, route="/predict"'
    return {
        f"gateway_request_duration_seconds_count{{{labels}}}": all_,
        f'gateway_request_duration_seconds_bucket{{{labels}, le="0.5"}}': quick,
    }


CASES = [
    Case("TargetDown", {f"up{{{G}}}": "1x9 0x10 1x20"}, "10m", "15m", "25m"),
    Case("NoModelReady", {f"gateway_backend_ready{{{G}}}": "1x9 0x10 1x20"}, "10m", "15m", "25m"),
    Case(
        "ModelServerAway",
        {
            f'gateway_model_server_ready{{{G}, server="a"}}': "1x9 0x10 1x20",
            f'gateway_model_server_ready{{{G}, server="b"}}': "1x39",
        },
        "11m",
        "15m",
        "25m",
    ),
    Case("RestartLoop", {f"process_start_time_seconds{{{G}}}": "1x9 2x1 3x1 4x40"}, "12m", "14m", "50m"),
    Case(
        "QueueSaturated",
        {
            f'gateway_expected_wait_seconds{{{G}, priority="interactive"}}': "0x9 3x10 0x20",
            f'gateway_expected_wait_seconds{{{G}, priority="bulk"}}': "9x39",
        },
        "11m",
        "15m",
        "25m",
    ),
    Case("RequestsRefused", requests("0x9 0+60x10 600x20", "0+600x39"), "10m", "15m", "30m"),
    Case("HistoryFails", {f'history_rows_total{{{G}, outcome="failed"}}': "0x9 0+1x5 5x40"}, "9m", "12m", "30m"),
    Case("HistoryBacklog", {f"history_queue_depth{{{G}}}": "0x9 4000x10 0x20"}, "10m", "15m", "25m"),
    Case(
        "VersionNotLoaded",
        {f'gateway_model_version_failures_total{{{G}, reason="load"}}': "0x9 1x60"},
        "9m",
        "12m",
        "40m",
    ),
    Case(
        "VersionTakenBack",
        {f'gateway_guard_rollbacks_total{{{G}, measure="classes"}}': "0x9 1x200"},
        "9m",
        "12m",
        "100m",
    ),
    Case(
        "AbstentionsHigh",
        {
            f'gateway_abstentions_total{{{G}, version="3", reason="low-confidence"}}': "0x9 0+30x30 900x60",
            f'gateway_predictions_total{{{G}, version="3", label="normal"}}': "0+60x99",
        },
        "18m",
        "35m",
        "70m",
    ),
    Case(
        "InputDrifts",
        {
            f'gateway_drift_psi{{{G}, version="3", feature="mean"}}': "0.02x9 0.4x60 0.02x40",
            f'gateway_drift_psi{{{G}, version="3", feature="class"}}': "0.2x109",
            f'gateway_drift_psi{{{G}, version="2", feature="mean"}}': "_x109",
        },
        "30m",
        "50m",
        "80m",
    ),
    Case("RetrainingFailed", {f'gateway_jobs_total{{{G}, status="failed"}}': "0x9 1x200"}, "9m", "12m", "100m"),
    Case(
        "KeysNotTaken", {f'gateway_api_key_reloads_total{{{G}, outcome="refused"}}': "0x9 1x200"}, "9m", "12m", "100m"
    ),
    Case("HistoryLeftOut", {f"history_unrecorded_total{{{G}}}": "0x9 0+1x5 5x40"}, "9m", "12m", "30m"),
    Case("GuardHelpless", {f'gateway_guard_state{{{G}, state="helpless"}}': "0x9 1x10 0x20"}, "9m", "12m", "25m"),
    Case(
        "MemoryHigh",
        {f"process_resident_memory_bytes{{{G}}}": "200000000x9 2000000000x20 3000x30"},
        "15m",
        "25m",
        "40m",
    ),
    Case(
        "DiskFilling",
        {
            f"node_filesystem_avail_bytes{{{DISK}}}": "39000000000x400 39000000000-100000000x250 39000000000x800",
            f"node_filesystem_size_bytes{{{DISK}}}": "100000000000x1500",
        },
        "400m",
        "640m",
        "1300m",
    ),
    Case(
        "DiskFull",
        {
            f"node_filesystem_avail_bytes{{{DISK}}}": "9x9 4x10 9x20",
            f"node_filesystem_size_bytes{{{DISK}}}": "100x39",
        },
        "12m",
        "17m",
        "25m",
    ),
    *(
        Case(name, traffic, "9m", "70m", "700m", {"severity": "critical", "window": "1h"})
        for name, traffic in (
            ("AvailabilityBudgetBurns", requests("0x9 0+6x60 360x700", "0+100x800")),
            ("LatencyBudgetBurns", late("0+100x800", "0+100x9 0+60x60 3600+100x700")),
        )
    ),
]


def test_every_alert_has_a_case() -> None:
    """Only the watchdog has none: it always fires."""
    assert {case.alert for case in CASES} == {alert.name for alert in ALERTS} - {"Watchdog"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_fires_and_clears(case: Case, promtool: Path, tmp_path: Path) -> None:
    """Silent before, firing while it lasts, silent again after; no alert of another name about the same."""
    document = {
        "rule_files": [str(RULES / "*.yml")],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
                "promql_expr_test": [
                    {
                        "expr": asked(case),
                        "eval_time": at,
                        "exp_samples": [{"labels": "{}", "value": count}] if count else [],
                    }
                    for at, count in ((case.silent, 0), (case.firing, 1), (case.cleared, 0))
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document))

    ended = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


def asked(case: Case) -> str:
    labels = "".join(f', {name}="{value}"' for name, value in case.labels.items())
    return f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"{labels}}} == 1)'


def test_promtool_accepts_the_rules(promtool: Path) -> None:
    """Also its lints find nothing."""
    files = sorted(RULES.iterdir())
    ended = subprocess.run(
        [promtool, "check", "rules", "--lint-fatal", *files], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_metric_that_an_alert_looks_at_is_exposed(gateway_url: str) -> None:
    """No alert waits for what the gateway does not have; the rest is Prometheus' own, or the node exporter's."""
    groups = [*objectives.groups(Windows()), *symptoms.groups(Windows())]
    recorded = [recording.expr for group in groups for recording in group.recordings]
    asked = {name for expr in (*recorded, *(alert.expr for alert in ALERTS)) for name in names_in(expr)}

    assert asked - exposed(gateway_url) == {
        *(name for name in asked if name.startswith("gateway:bad_requests:ratio_rate")),
        *("up", "node_filesystem_avail_bytes", "node_filesystem_size_bytes"),
    }


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.severity}")
def test_an_alert_says_what_to_do(alert: Alert) -> None:
    """It has a severity, a sentence for the pager, one more, and a page that says what to look at and what helps."""
    page = (ROOT / RUNBOOKS / f"{alert.name}.md").read_text(encoding="utf-8")

    assert alert.severity in {"critical", "warning", "none"}
    assert alert.summary.endswith(".")
    assert alert.description.endswith(".")
    assert re.findall(r"^#+ (.*)", page, re.MULTILINE) == [alert.name, "What it means", "What to look at", "What helps"]


def test_drift_is_large_where_the_gateway_says_so() -> None:
    """Rules know nothing of the gateway, so the number stands twice."""
    [alert] = [alert for alert in ALERTS if alert.name == "InputDrifts"]

    assert alert.expr.endswith(f" > {LARGE}")


def test_no_runbook_is_left_over() -> None:
    """Each page belongs to an alert."""
    assert {path.stem for path in (ROOT / RUNBOOKS).iterdir()} == {alert.name for alert in ALERTS}
