"""How soon the console's pages are there for somebody who has never been on them.

    python -m loadtests.firstpaint                                       # beside `make run`

Each visit is a new tab of Chromium without a cache. Printed are medians in seconds, for each page of the menu: until
something is painted (https://www.w3.org/TR/paint-timing/, first contentful paint), until the page has its title, and
until it is drawn. Needs Playwright, which only the development environment has.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from loadtests.chromium import TITLE, ChromiumMissing, find_chromium

_LINK: Final = '[data-testid="stSidebarNavLink"]'
_PAINTED: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
_DRAWN: Final = """() =>
    document.querySelector('[data-testid="stApp"]').dataset.testScriptState === 'notRunning'
    && document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]') === null"""


def main(argv: Sequence[str]) -> int:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser("python -m loadtests.firstpaint", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--console", default="http://127.0.0.1:8501")
    parser.add_argument("--visits", type=int, default=5, help="of each page")
    given = parser.parse_args(argv)
    try:
        program = find_chromium()
    except ChromiumMissing as missing:
        parser.error(str(missing))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        pages = {path or "overview": f"{given.console}/{path}" for path in _paths(browser, given.console)}
        seen = {name: [_visit(browser, url) for _ in range(given.visits)] for name, url in pages.items()}
    sys.stdout.write(json.dumps({name: _medians(visits) for name, visits in seen.items()}, indent=2) + "\n")
    return 0


def _paths(browser: Browser, url: str) -> list[str]:
    """Return the last parts of the addresses of all pages; the first one has none. This visit warms the console up."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector(_LINK)
        return [str(link.get_attribute("href")).rpartition("/")[2] for link in page.locator(_LINK).all()]


def _visit(browser: Browser, url: str) -> dict[str, float]:
    """Return what somebody waits for who opens a page, in seconds."""
    with browser.new_context() as context:
        page = context.new_page()
        start = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.wait_for_selector(TITLE)
        titled = time.perf_counter() - start
        page.wait_for_function(_DRAWN)
        drawn = time.perf_counter() - start
        return {"painted_s": _painted(page), "titled_s": titled, "drawn_s": drawn}


def _painted(page: Page) -> float:
    return float(page.evaluate(_PAINTED))


def _medians(visits: Sequence[dict[str, float]]) -> dict[str, Any]:
    return {name: round(statistics.median(visit[name] for visit in visits), 3) for name in visits[0]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
