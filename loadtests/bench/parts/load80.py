"""Latency at 80 % of the peak, in an open loop: requests that know nothing of each other."""

from statistics import median

from loadtests.bench.measuring import Bench, load, statuses
from loadtests.bench.processes import service
from loadtests.bench.report import Cell, Section
from loadtests.connection import Address, build_requests
from loadtests.loops import run
from loadtests.openloop import lasting, poisson, post_on_schedule
from loadtests.samples import latencies_ms, percentile

_SHARE = 0.8
_PEAK_CONNECTIONS = 32


def measure(bench: Bench, mode: str) -> Section:
    """Measure the peak and then the open loop, once in each round."""
    section = Section(
        f"At {_SHARE:.0%} of the peak, {mode}",
        f"The peak is that of {_PEAK_CONNECTIONS} connections in the same round. Poisson arrivals; the latency counts "
        "from the moment at which a request was due. late: how far behind its schedule the generator was itself.",
        ("round", "peak images/s", "sent/s", "p50 ms", "p90 ms", "p99 ms", "p99/p50", "late p99 ms", "answers"),
    )
    with service(bench.material.store, bench.folder, bench.settings, bfloat16=mode == "bfloat16") as running:
        address = Address.parse(f"{running.url}/predict")
        requests = build_requests(address, bench.material.images)
        for number in range(bench.rounds):
            peak = load(bench, f"{running.url}/predict", _PEAK_CONNECTIONS, running.pids)["rate"]
            rate, seconds = _SHARE * peak, 2 * bench.seconds
            schedule = lasting(seconds, poisson(rate, bench.seed + number))
            samples = run(post_on_schedule(address, requests, schedule))
            found = latencies_ms([sample for sample in samples if sample.status == 200])
            late = percentile([1000 * sample.late_s for sample in samples], 99)
            row: list[Cell] = [number, peak, len(samples) / seconds, found["p50"], found["p90"], found["p99"]]
            section.rows.append([*row, found["p99"] / found["p50"], late, statuses(samples)])
            section.data.append({"round": number, "peak": peak, **found, "late_p99_ms": late})
            bench.say(
                f"{mode}, round {number}: peak {peak:.1f}/s, p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms"
            )
    ratios = [found["p99"] / found["p50"] for found in section.data]
    section.lines.append(f"p99 at 80 % load / p50: {median(ratios):.2f} ({mode})")
    return section
