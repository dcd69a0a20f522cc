"""The stub model server: its service time is exact, and the gateway takes it for a model server."""

import asyncio
import json
from pathlib import Path

import httpx

from loadtests.bench.drawings import grey_png
from loadtests.bench.processes import gateway, stub_server
from loadtests.stub import Device


async def test_batches_take_turns_and_an_abandoned_one_takes_no_time() -> None:
    """
    Batches are computed one after the other; one that was cancelled while it waited gives its time to the next.
    """
    loop = asyncio.get_running_loop()
    device = Device(base_s=0.1, per_image_s=0.01)
    begin = loop.time()
    first, abandoned, last = (asyncio.create_task(device.compute(images)) for images in (10, 1000, 5))
    await asyncio.sleep(0)
    abandoned.cancel()

    await first
    between = loop.time() - begin
    await last

    assert between >= 0.2
    assert 0.35 <= loop.time() - begin < 5  # with the abandoned batch it would be ten seconds


def test_a_gateway_in_front_of_it_answers_and_its_rows_are_counted(tmp_path: Path) -> None:
    """
    The gateway becomes ready with the stub behind it; what it answers is the row that was counted.
    """
    with stub_server(tmp_path, 0.001, 0.001) as (target, stub), gateway(target, tmp_path, {}) as (url, _):
        replies = [httpx.post(f"{url}/predict", content=grey_png(96, seed)) for seed in range(3)]

    done = json.loads(stub.log.read_text().splitlines()[-1])
    assert [reply.json()["prediction"] for reply in replies] == ["normal"] * 3
    assert done == {"calls": 3, "rows": 3, "abandoned_rows": 0}
