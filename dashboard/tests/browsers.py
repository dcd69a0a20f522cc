"""A real browser that looks at a console: Debian's Chromium, driven by Playwright."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # has no types
from playwright.sync_api import Browser, FilePayload, Locator, Page, sync_playwright

from loadtests.chromium import find_chromium

Scheme = Literal["light", "dark"]

HEIGHT: Final = 900
_PATIENCE_MS: Final = 60_000
_SERIOUS: Final = {"serious", "critical"}
"""Impacts of axe-core (https://github.com/dequelabs/axe-core/blob/develop/doc/issue_impact.md)."""
_SETTLED: Final = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    const charts = [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')];
    const unfinished = '[data-stale="true"], [data-testid="stSkeleton"], [data-testid="stSpinner"]';
    return app !== null
        && app.dataset.testConnectionState === 'CONNECTED'
        && app.dataset.testScriptState === 'notRunning'
        && document.querySelector('[data-testid="stMain"] h1') !== null
        && document.querySelector(unfinished) === null
        && charts.every((chart) => chart.querySelector('svg, canvas') !== null)
        && document.fonts.status === 'loaded';
}"""
"""Whether Streamlit has nothing to do, and all is drawn."""
_OVERHANG: Final = """() => {
    const main = document.querySelector('[data-testid="stMain"]');
    const root = document.documentElement;
    return Math.max(root.scrollWidth - window.innerWidth, main.scrollWidth - main.clientWidth);
}"""
_BACKGROUND: Final = "getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).backgroundColor"
_FOCUSED: Final = """() => {
    const one = document.activeElement;
    if (one === document.body) return 'BODY';
    return one.getAttribute('aria-label') || one.innerText || (one.labels && one.labels[0]?.innerText) || one.tagName;
}"""
"""What a screen reader calls the element that has the keyboard, or nearly."""


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run the browser until the block ends; no event loop may run in this thread meanwhile.

    Raises:
        ChromiumMissing: it is not installed. It is not unpacked from its package as other programs are: it needs a
            hundred more.
    """
    program = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class Tab:
    """A tab of the browser, and what it asked for and complained of since it was opened."""

    page: Page
    asked: list[str] = field(default_factory=list)
    """Addresses of requests and of web sockets."""
    failed: list[str] = field(default_factory=list)
    """Errors of the page's scripts that nobody caught."""

    def open(self, url: str) -> None:
        """Go to a page of the console and wait until it is drawn."""
        self.page.goto(url)
        self.settle()

    def settle(self) -> None:
        """Wait until the console has done all that was asked of it."""
        self.page.wait_for_function(_SETTLED)

    def upload(self, *files: FilePayload) -> None:
        """Give files to the page's one field for files."""
        self._files().set_input_files(list(files))

    def upload_folder(self, folder: Path) -> None:
        """Give all files of a folder to the page's one field for files, which must be one for folders."""
        self._files().and_(self.page.locator("[webkitdirectory]")).set_input_files(folder)

    def metrics(self) -> Mapping[str, str]:
        """Return the figures of the page by their labels."""
        return {
            metric.get_by_test_id("stMetricLabel").inner_text(): metric.get_by_test_id("stMetricValue").inner_text()
            for metric in self.page.get_by_test_id("stMetric").all()
        }

    def overhang(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        return int(self.page.evaluate(_OVERHANG))

    def brightness(self) -> float:
        """Return how bright the background is, 0 to 1."""
        colour = str(self.page.evaluate(_BACKGROUND))
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / (3 * 255)

    def strangers(self) -> Sequence[str]:
        """Return what was asked of another host than the page's."""
        hosts = {urlsplit(url).netloc for url in self.asked if urlsplit(url).netloc}
        return sorted(hosts - {urlsplit(self.page.url).netloc})

    def barriers(self) -> Sequence[str]:
        """Return what keeps people from using the page, by axe-core, where it is serious."""
        violations = Axe().run(self.page).response["violations"]
        return [
            f"{found['id']}: {node['html'][:200]}"
            for found in violations
            if found["impact"] in _SERIOUS
            for node in found["nodes"]
        ]

    def stops(self, most: int = 100) -> Sequence[str]:
        """Return the names of what the Tab key leads to, in this order, until it leaves the page."""
        names: list[str] = []
        for _ in range(most):
            self.page.keyboard.press("Tab")
            name = str(self.page.evaluate(_FOCUSED)).strip().rpartition("\n")[2]  # icons are words of their own
            if name == "BODY":
                break
            names.append(name)
        return names

    def _files(self) -> Locator:
        return self.page.get_by_test_id("stFileUploaderDropzoneInput")


@contextmanager
def tab(browser: Browser, scheme: Scheme = "light", width: int = 1280) -> Iterator[Tab]:
    """Open a tab of a visitor of their own, who likes this scheme of colours, on a screen of so many pixels."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(_PATIENCE_MS)
    opened = Tab(context.new_page())
    opened.page.on("request", lambda request: opened.asked.append(request.url))
    opened.page.on("websocket", lambda socket: opened.asked.append(socket.url))
    opened.page.on("pageerror", lambda error: opened.failed.append(str(error)))
    try:
        yield opened
    finally:
        context.close()
