"""Waits until Prometheus answers, then says where everything is. Runs once, under supervisord."""

import os
import sys
import time
from collections.abc import Container, Iterator
from pathlib import Path
from urllib.parse import quote

from deploy.local.waiting import PATIENCE_S, answers, wait
from deploy.watch.layout import WatchLayout
from deploy.watch.programs import ALERTMANAGER, GRAFANA, PROGRAMS, PROMETHEUS, Program, find

QUERIES = {
    "requests a second, by status": "sum by (code) (rate(gateway_requests_total[1m]))",
    "99 % of the requests to /predict are faster than, seconds": "histogram_quantile(0.99, sum by (le) "
    '(rate(gateway_request_duration_seconds_bucket{route="/predict"}[1m])))',
    "where the time of an image goes, seconds": "sum by (stage) (rate(gateway_stage_duration_seconds_sum[1m])) / "
    "sum by (stage) (rate(gateway_stage_duration_seconds_count[1m]))",
    "images in a call to the model": "rate(gateway_batch_size_sum[1m]) / rate(gateway_batch_size_count[1m])",
}
"""What is worth a look in Prometheus' own pages."""


def main() -> int:
    """Announce; return 1 where Prometheus did not come up in time."""
    layout = WatchLayout.read(os.environ, Path.cwd())
    if not wait("Prometheus", f"{layout.url(PROMETHEUS.port)}/-/ready", time.monotonic()):
        sys.stdout.write(f"Prometheus did not answer within {PATIENCE_S} s; see the messages above.\n")
        return 1
    running = answers(f"{layout.watched.gateway}/health/live")
    found = find(os.environ.get("PATH", ""))
    sys.stdout.write("\n".join(("", *lines(layout, found, running=running), "", "")))
    return 0


def lines(layout: WatchLayout, found: Container[Program], *, running: bool) -> Iterator[str]:
    """Say where each watcher is, how to get those that are not here, and what to look at."""
    prometheus = layout.url(PROMETHEUS.port)
    yield f"{layout.watched.gateway} is watched."
    if not running:
        yield "It does not answer; `make run` starts it, and it is found by itself."
    for program in PROGRAMS:
        place = layout.url(program.port) if program in found else f"not on the PATH; get it: {program.source}"
        yield f"  {program.title:<14}{place}"
    if ALERTMANAGER not in found:
        yield f"  Nobody is told of alerts; they are shown here:\n    {_page(prometheus, 'ALERTS', tab=1)}"
    if GRAFANA not in found:
        yield f"  Instead of Grafana, look at the console's page Monitoring, {layout.watched.console}, or here:"
        for title, expr in QUERIES.items():
            yield f"    {title}:\n      {_page(prometheus, expr, tab=0)}"
    yield f"  The console shows what Prometheus records where it was started with PULMO_PROMETHEUS_URL={prometheus}"
    yield "  Stop it:      Ctrl-C"


def _page(prometheus: str, expr: str, *, tab: int) -> str:
    """Return the address of a query's graph (tab 0) or table (tab 1), the one page that all UIs of Prometheus share."""
    return f"{prometheus}/graph?g0.range_input=15m&g0.tab={tab}&g0.expr={quote(expr, safe='')}"


if __name__ == "__main__":
    sys.exit(main())
