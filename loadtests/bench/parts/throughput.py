"""Throughput and latency at so many connections, beside the limit of the machine."""

from collections.abc import Sequence

from loadtests.bench.figures import Line, Row, ratio, summarise
from loadtests.bench.limits import Limit, Setting, limit_of
from loadtests.bench.measuring import CHECKED, Bench, check, load
from loadtests.bench.processes import service
from loadtests.bench.report import Cell, Section

COLUMNS = (
    *("conn.", "what", "images/s", "lowest", "highest", "of limit", "p50 ms", "p90 ms", "p99 ms", "failed"),
    *("CPU s/1000", "RSS MB", "other cores"),
)
TOLERANCE = {"float32": 0.002, "bfloat16": 0.02}
"""Of a probability: sums in another order, and in bfloat16 in another precision where a batch is large."""
_HEADLINE = 32
LIMIT = ("limit", 0)
_SEARCH_S = 2.0


def measure(bench: Bench, mode: str) -> Section:
    """Measure one precision in interleaved rounds: the limit, the service at every number of connections, the limit."""
    limit = limit_of(bench.material, bfloat16=mode == "bfloat16")
    setting = Setting.parse(bench.limit_setting) if bench.limit_setting else limit.search(_SEARCH_S)
    answers = limit.answers(min(CHECKED, len(bench.material.images)))
    rows = [row for number in range(bench.rounds) for row in _round(bench, number, limit, setting, answers)]
    section = Section(
        f"Throughput, {mode}",
        f"The limit: {setting}. {len(answers)} answers were checked before each round.",
        COLUMNS,
        [cells(line, rows) for line in summarise(rows)],
        data=[row._asdict() for row in rows],
    )
    found = ratio(rows, ("gateway", _HEADLINE), LIMIT)
    if found is not None:
        section.lines.append(f"throughput/limit at {_HEADLINE} connections: {found:.2f} ({mode})")
    return section


def _round(bench: Bench, number: int, limit: Limit, setting: Setting, answers: Sequence[Sequence[float]]) -> list[Row]:
    mode = "bfloat16" if limit.bfloat16 else "float32"
    rows = [Row(*LIMIT, number, limit.rate(setting, bench.seconds))]
    with service(bench.material.store, bench.folder, bench.settings, bfloat16=limit.bfloat16) as running:
        check(bench.material, f"{running.url}/predict", answers, TOLERANCE[mode])
        for connections in bench.connections:
            found = load(bench, f"{running.url}/predict", connections, running.pids)
            rows.append(Row("gateway", connections, number, found))
            bench.say(f"{mode}, round {number}, {connections} connections: {found['rate']:.1f} images/s")
    rows.append(Row(*LIMIT, number, limit.rate(setting, bench.seconds)))
    bench.say(f"{mode}, round {number}, limit: {rows[0].values['rate']:.1f}, {rows[-1].values['rate']:.1f} images/s")
    return rows


def cells(line: Line, rows: Sequence[Row]) -> list[Cell]:
    """Return a line of the table."""
    of_limit = None if line.name == LIMIT[0] else ratio(rows, (line.name, line.connections), LIMIT)
    values = [
        line.median.get(name) for name in ("p50", "p90", "p99", "failed", "cpu_s_per_1000", "rss_mb", "other_cores")
    ]
    return [line.connections or None, line.name, line.median["rate"], *line.spread, of_limit, *values]
