"""What everything runs on: processes, disks, memory."""

from collections.abc import Sequence
from typing import Final

from monitoring.dashboards.panel import Panel, Query, Row, below
from monitoring.dashboards.promql import gateways, growth

_DISK: Final = '{fstype!~"tmpfs|overlay|squashfs"}'
_PROCESS: Final = "{{job}} {{instance}}"
DISK_LEFT: Final = f"node_filesystem_avail_bytes{_DISK} / node_filesystem_size_bytes{_DISK}"
MEMORY_LEFT: Final = "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"


def rows() -> Sequence[Row]:
    """Return the rows."""
    return [Row("Processes", _processes()), Row("Host", _host())]


def _processes() -> Sequence[Panel]:
    return [
        Panel(
            title="Processes that answer",
            describe="Whether Prometheus can read each process.",
            queries=(Query("min by (job, instance) (up)", _PROCESS),),
            unit="none",
            kind="state-timeline",
            width=6,
            mappings={"0": ("away", "red"), "1": ("answers", "green")},
        ),
        Panel(
            title="Memory",
            describe="What each process holds, its workers included.",
            queries=(Query("sum by (job, instance) (process_resident_memory_bytes)", _PROCESS),),
            unit="bytes",
            width=6,
        ),
        Panel(
            title="Processors",
            describe="Processors that each process keeps busy.",
            queries=(Query(growth("process_cpu_seconds_total", "job, instance"), _PROCESS),),
            unit="suffix: cores",
            width=6,
        ),
        Panel(
            title="File descriptors",
            describe="Share of those that a process may open. Connections take one each.",
            queries=(Query("max by (job, instance) (process_open_fds / process_max_fds)", _PROCESS),),
            unit="percentunit",
            width=6,
            most=1,
        ),
    ]


def _host() -> Sequence[Panel]:
    labels = "version, python"
    return [
        Panel(
            title="Disk left",
            describe="Share of each file system that is free.",
            queries=(Query(f"min by (instance, mountpoint) ({DISK_LEFT})", "{{mountpoint}}"),),
            unit="percentunit",
            kind="bargauge",
            width=6,
            most=1,
            steps=below(0.15, 0.05),
            absent="no node exporter",
        ),
        Panel(
            title="Memory left",
            describe="Share of the host's memory that processes may still get.",
            queries=(Query(f"min by (instance) ({MEMORY_LEFT})", "{{instance}}"),),
            unit="percentunit",
            width=6,
            most=1,
            absent="no node exporter",
        ),
        Panel(
            title="Running for",
            describe="Time since each process started.",
            queries=(Query("time() - max by (job, instance) (process_start_time_seconds)", _PROCESS),),
            unit="s",
            kind="bargauge",
            width=6,
        ),
        Panel(
            title="Builds",
            describe="What runs at each gateway.",
            queries=(Query(f"max by (instance, {labels}) ({gateways('build_info')})", "{{instance}}"),),
            unit="none",
            kind="table",
            width=6,
            absent="no gateway",
            hidden=("Time", "Value"),
        ),
    ]
