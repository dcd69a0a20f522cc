"""What open consoles cost the gateway: its processor time under a steady load, while none is open and while some are.

    python -m loadtests.consoles --images data/samples                   # 10 consoles, beside 20 images a second
    python -m loadtests.consoles --images data/samples --rate 0          # beside nothing

The gateway and the console run already (`make run`), without API keys. The consoles are tabs of Chromium, each of a
visitor of its own, at the page that draws itself most often. Both states are measured by turns; what is printed are
medians. Needs Playwright, which only the development environment has.
"""

import argparse
import asyncio
import json
import statistics
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.async_api import Browser, async_playwright
from prometheus_client.parser import text_string_to_metric_families

from loadtests.chromium import TITLE, ChromiumMissing, find_chromium
from loadtests.images import ImagesMissing, read_images
from loadtests.loops import run
from loadtests.openloop import post_steadily
from loadtests.samples import Sample, count_statuses

_CPU: Final = "process_cpu_seconds_total"


def main(argv: Sequence[str]) -> int:
    """Measure, print the figures as JSON, and return the exit status: 1 where a request failed."""
    parser = argparse.ArgumentParser("python -m loadtests.consoles", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--gateway", default="http://127.0.0.1:8000")
    parser.add_argument("--console", default="http://127.0.0.1:8501")
    parser.add_argument("--images", type=Path, required=True, help="a folder of images to post")
    parser.add_argument("--rate", type=float, default=20.0, help="images a second; 0 for none")
    parser.add_argument("--count", type=int, default=10, help="of consoles")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each state in each round")
    given = parser.parse_args(argv)
    try:
        figures = run(_measure(given, find_chromium()))
    except (ImagesMissing, ChromiumMissing) as missing:
        parser.error(str(missing))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0 if set(figures["answers"]) <= {"200"} else 1


async def _measure(given: Namespace, program: str) -> dict[str, Any]:
    """Return the figures; processor time is in seconds per second."""
    shares: dict[str, list[float]] = {"none": [], "open": []}
    async with httpx.AsyncClient(base_url=given.gateway) as client, _posting(given) as answered:
        for _ in range(given.rounds):
            shares["none"].append(await _share(client, given.seconds))
            async with _open(program, given.console, given.count):
                shares["open"].append(await _share(client, given.seconds))
    alone, beside = (statistics.median(shares[state]) for state in ("none", "open"))
    return {
        "consoles": given.count,
        "images_per_s": given.rate,
        "cpu_without": alone,
        "cpu_with": beside,
        "cpu_more": beside - alone,
        "rounds": shares,
        "answers": count_statuses(answered),
    }


@asynccontextmanager
async def _posting(given: Namespace) -> AsyncIterator[list[Sample]]:
    """Post images until the block ends, if any are to be posted; the list has the answers then."""
    answered: list[Sample] = []
    if not given.rate:
        yield answered
        return
    stop = asyncio.Event()
    url, images = f"{given.gateway}/predict", read_images(given.images)
    async with asyncio.TaskGroup() as group:
        load = group.create_task(post_steadily(url, images, given.rate, stop))
        yield answered
        stop.set()
    answered += load.result()


@asynccontextmanager
async def _open(program: str, url: str, count: int) -> AsyncIterator[None]:
    """Keep so many consoles open, each drawn, until the block ends."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program)
        for _ in range(count):
            await _visit(browser, url)
        yield
        await browser.close()


async def _visit(browser: Browser, url: str) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_selector(TITLE)


async def _share(client: httpx.AsyncClient, seconds: float) -> float:
    """Return how many processors the gateway has used for so long."""
    before, begin = await _cpu_s(client), asyncio.get_running_loop().time()
    await asyncio.sleep(seconds)
    after, end = await _cpu_s(client), asyncio.get_running_loop().time()
    return (after - before) / (end - begin)


async def _cpu_s(client: httpx.AsyncClient) -> float:
    reply = (await client.get("/metrics", headers={"Accept": "text/plain"})).raise_for_status()
    families = text_string_to_metric_families(reply.text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == _CPU)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
