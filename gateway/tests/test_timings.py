"""Where the time of a request went: in its answer, in a header and in the metrics, all of them the same."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.metrics import STAGES
from gateway.schemas import Timings
from gateway.stopwatch import Stopwatch
from tests.clocks import Clock
from tests.gateways import Gateway
from tests.images import pixels, png

CLIENTS = 32


def header_of(reply: httpx.Response) -> dict[str, float]:
    """Return the metrics of a Server-Timing header, read as its grammar has it."""
    entries = [entry.split(";") for entry in reply.headers["Server-Timing"].split(",")]
    return {name.strip(): float(duration.removeprefix("dur=")) for name, duration in entries}


def test_the_stages_of_every_answer_add_up_under_load(gateway: Gateway) -> None:
    """Header and body agree, and no millisecond is lost between two stages, whoever else keeps the event loop busy."""
    name = "gateway_stage_duration_seconds_sum"
    before = {stage: gateway.total(name, stage=stage) for stage in STAGES}

    def post(seed: int) -> list[httpx.Response]:
        with httpx.Client(timeout=60) as client:
            image = png(pixels(seed, size=512))
            return [client.post(f"{gateway.url}/predict", content=image) for _ in range(10)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = [reply for some in pool.map(post, range(CLIENTS)) for reply in some]

    for reply in replies:
        timings = reply.json()["timings"]
        assert timings == header_of(reply)
        assert [*STAGES, "total"] == list(timings)
        assert sum(timings[stage] for stage in STAGES) == pytest.approx(timings["total"], abs=1)
        assert all(timings[stage] > 0 for stage in STAGES)
        assert timings["total"] <= reply.elapsed.total_seconds() * 1000
    for stage in STAGES:
        told = sum(reply.json()["timings"][stage] for reply in replies) / 1000
        assert gateway.total(name, stage=stage) - before[stage] == pytest.approx(told, abs=1e-6)


def test_a_batch_has_the_timings_of_its_images_and_a_total(gateway: Gateway) -> None:
    """Its header has room for one number that all share."""
    reply = httpx.post(f"{gateway.url}/predict-batch", files=[("files", png(pixels(seed))) for seed in range(3)])

    totals = [entry["timings"]["total"] for entry in reply.json()["predictions"]]
    assert header_of(reply)["total"] >= max(totals)
    assert list(header_of(reply)) == ["total"]


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.floats(0, 100)), max_size=20), st.floats(0, 1e6))
def test_every_moment_belongs_to_one_stage(laps: list[tuple[str, float]], begun: float) -> None:
    """In whatever order stages come, and however often: a stage adds up, and so do all of them."""
    clock = Clock()
    clock.now = begun
    stopwatch = Stopwatch(begun, clock)
    for stage, seconds in laps:
        clock.now += seconds
        stopwatch.lap(stage)  # type: ignore[arg-type]

    timings = stopwatch.timings()
    for stage in STAGES:
        took = sum(seconds for name, seconds in laps if name == stage)
        assert getattr(timings, stage) == pytest.approx(took * 1000, abs=1e-2)
    assert timings.total == pytest.approx(sum(seconds for _, seconds in laps) * 1000, abs=1e-2)


def test_a_part_of_the_time_may_be_measured_elsewhere() -> None:
    """The batcher tells how long an image waited for its call; what is left is the call's."""
    clock = Clock()
    stopwatch = Stopwatch(0.0, clock)
    clock.now = 1.0
    stopwatch.lap("decode")
    clock.now = 3.0
    stopwatch.part("queue", 0.5)
    stopwatch.lap("backend")

    assert stopwatch.timings() == Timings(decode=1000, queue=500, backend=1500, total=3000)
