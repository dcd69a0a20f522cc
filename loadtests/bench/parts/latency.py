"""The latency of an image that is alone, beside what decoding and inference take without the service."""

from loadtests.bench.figures import Row, ratio, summarise
from loadtests.bench.limits import limit_of
from loadtests.bench.measuring import Bench, load
from loadtests.bench.processes import service
from loadtests.bench.report import Section


def measure(bench: Bench, mode: str) -> Section:
    """Measure the floor and the service at one connection, by turns."""
    limit = limit_of(bench.material, bfloat16=mode == "bfloat16")
    rows: list[Row] = []
    for number in range(bench.rounds):
        alone = limit.alone(bench.seconds)
        rows.append(Row("in process", 0, number, {"p50": alone["alone_ms"], "rate": 1000 / alone["alone_ms"], **alone}))
        with service(bench.material.store, bench.folder, bench.settings, bfloat16=limit.bfloat16) as running:
            rows.append(Row("gateway", 1, number, load(bench, f"{running.url}/predict", 1, running.pids)))
        bench.say(
            f"{mode}, round {number}: alone {rows[-2].values['p50']:.2f} ms, served {rows[-1].values['p50']:.2f} ms"
        )
    found = ratio(rows, ("gateway", 1), ("in process", 0), "p50")
    return Section(
        f"One image alone, {mode}",
        "In process: decode and a single inference, with all cores for the inference.",
        ("what", "p50 ms", "decode ms", "inference ms", "p90 ms", "p99 ms"),
        [
            [line.name, *(line.median.get(name) for name in ("p50", "decode_ms", "infer_ms", "p90", "p99"))]
            for line in summarise(rows)
        ],
        lines=[f"p50 at 1 connection / floor: {found:.2f} ({mode})"],
        data=[row._asdict() for row in rows],
    )
