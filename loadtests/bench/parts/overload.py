"""Ten times more than can be answered, in an open loop, against a model server with an exact service time."""

import dataclasses
import json
from collections.abc import Sequence
from statistics import median
from typing import Any

from loadtests.bench.drawings import grey_png
from loadtests.bench.measuring import Bench, load, statuses
from loadtests.bench.processes import gateway, stub_server
from loadtests.bench.report import Section
from loadtests.bench.usage import look
from loadtests.connection import Address, build_requests
from loadtests.images import Image
from loadtests.loops import run
from loadtests.openloop import lasting, poisson, post_on_schedule
from loadtests.samples import Sample, latencies_ms, percentile

BASE_S, PER_IMAGE_S = 0.02, 0.006
"""About the reference network on two cores: 32 images in 0.21 s, 150 images/s."""
_TIMES = 10
_PEAK_CONNECTIONS = 64
_REFUSED = (429, 503)


def measure(bench: Bench) -> Section:
    """Measure the peak and then the overload, once in each round, with small images and with the real ones."""
    section = Section(
        f"Overload: {_TIMES} times the peak",
        f"A stub model server takes {1000 * BASE_S:g} ms + {1000 * PER_IMAGE_S:g} ms an image for a batch, one at a "
        f"time. Peak: {_PEAK_CONNECTIONS} connections in a closed loop. Overload: Poisson arrivals. "
        "Latencies count from when a request was due; late is the generator's own part.",
        (
            *("images", "round", "peak/s", "offered/s", "goodput/s", "goodput/peak", "accepted p50 ms", "p99 ms"),
            *("refusal p50 ms", "p99 ms", "late p99 ms", "gateway cores", "answers"),
        ),
    )
    small = [Image(f"{seed}.png", "image/png", grey_png(96, seed)) for seed in range(8)]
    for name, images in (("small", small), ("given", bench.material.images)):
        found = [_round(bench, images, number) for number in range(bench.rounds)]
        section.rows += [[name, number, *row.values()] for number, row in enumerate(found)]
        section.data += [{"images": name, "round": number, **row} for number, row in enumerate(found)]
        goodput, refusals = (median(row[key] for row in found) for key in ("goodput/peak", "refusal p99"))
        section.lines += [
            f"goodput at {_TIMES}x overload / peak: {goodput:.2f} ({name} images)",
            f"refusals, p99: {refusals:.1f} ms ({name} images)",
        ]
    return section


def _round(bench: Bench, images: Sequence[Image], number: int) -> dict[str, Any]:
    with (
        stub_server(bench.folder, BASE_S, PER_IMAGE_S) as (target, stub),
        gateway(target, bench.folder, bench.settings) as (url, front),
    ):
        address = Address.parse(f"{url}/predict")
        requests = build_requests(address, images)
        peak = load(bench, f"{url}/predict", _PEAK_CONNECTIONS, [front.pid, stub.pid], images)["rate"]
        schedule = lasting(bench.seconds, poisson(_TIMES * peak, bench.seed + number))
        before = look([front.pid])
        samples = run(post_on_schedule(address, requests, schedule))
        cpu = look([front.pid]).cpu_s - before.cpu_s
    done = json.loads(stub.log.read_text().strip().splitlines()[-1])
    found = judge(samples, bench.seconds)
    bench.say(f"round {number}: peak {peak:.1f}/s, goodput {found['goodput']:.1f}/s; the stub: {done}")
    begin, end = min(s.due for s in samples), max(s.due + s.latency_s for s in samples)
    return {
        "peak": peak,
        "offered": len(samples) / bench.seconds,
        "goodput": found["goodput"],
        "goodput/peak": found["goodput"] / peak,
        **{name: found[name] for name in ("accepted p50", "accepted p99", "refusal p50", "refusal p99", "late p99")},
        "gateway cores": cpu / (end - begin),
        "answers": statuses(samples),
    }


def judge(samples: Sequence[Sample], seconds: float) -> dict[str, float]:
    """Return what an overload showed; a prediction counts for goodput while the load lasted.

    The first tenth of the time is not judged: then the queue fills, and more is accepted than can be answered.
    """
    begin = min(sample.due for sample in samples) + seconds / 10
    end = begin + 0.9 * seconds
    answered = [sample for sample in samples if sample.status == 200]
    accepted = latencies_ms([sample for sample in answered if sample.due >= begin])
    refused = latencies_ms([sample for sample in samples if sample.status in _REFUSED and sample.due >= begin])
    return {
        "goodput": sum(begin <= sample.due + sample.latency_s < end for sample in answered) / (end - begin),
        "accepted p50": accepted["p50"],
        "accepted p99": accepted["p99"],
        "refusal p50": refused["p50"],
        "refusal p99": refused["p99"],
        "late p99": percentile([1000 * sample.late_s for sample in samples], 99),
    }


def briefly(bench: Bench) -> Bench:
    """Return the same with fewer rounds: each takes long, and the stub does not vary."""
    return dataclasses.replace(bench, rounds=min(bench.rounds, 3))
