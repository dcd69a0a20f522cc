"""Every page of the console in a real browser: light and dark, on a desk and on a phone."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dashboard.tests.browsers import Scheme, tab
from dashboard.tests.consoles import serving_console
from dashboard.tests.recording import AWAY
from tests.images import pixels, png

PAGES = {
    "": "Overview",
    "classify": "Classify images",
    "history": "History",
    "models": "Models",
    "train": "Train",
    "monitoring": "Monitoring",
    "load": "Load",
}
"""Their titles, by the last part of their addresses, in the order of the menu."""
SCHEMES: Sequence[Scheme] = ("light", "dark")
DESK, PHONE = 1280, 390
LOOKS = [
    pytest.param((path, scheme, width), id=f"{PAGES[path]}-{scheme}-{width}")
    for path, scheme, width in itertools.product(PAGES, SCHEMES, (DESK, PHONE))
]
IMAGE = png(pixels(6, size=300))
ACTIONS = {
    "": {"Classify", "History", "Models", "Train", "Monitoring", "Load"},
    "classify": {"Upload"},
    "history": {"Filters", "Prepare the file"},
    "models": {"Review the change"},
    "train": {"Start a training"},
    "load": {"Start the load"},
    "monitoring": {"15 minutes", f"What to do about {AWAY}"},
}
"""What the keyboard must lead to, by page; there is more."""


@dataclass(frozen=True)
class Seen:
    """What came of opening a page."""

    title: str
    interrupted: int
    """Stack traces, and dialogs that nobody asked for."""
    failed: Sequence[str]
    strangers: Sequence[str]
    barriers: Sequence[str]
    overhang: int
    """Pixels that the page is wider than the screen."""
    brightness: float
    """Of the background, 0 to 1."""


@pytest.fixture(scope="module")
def console(gateway_url: str, judging_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a console that knows a gateway and a Prometheus, which has something to tell."""
    folder: Path = tmp_path_factory.mktemp("console")
    with serving_console(folder, gateway_url=gateway_url, prometheus_url=judging_url) as running:
        yield running.url


@pytest.fixture(scope="module", params=LOOKS)
def seen(request: pytest.FixtureRequest, browser: Browser, console: str) -> tuple[str, Scheme, Seen]:
    """Return a page, the colours it was asked in, and what was seen."""
    path, scheme, width = request.param
    with tab(browser, scheme, width) as opened:
        opened.open(f"{console}/{path}")
        if path == "classify":
            opened.upload({"name": "slice.png", "mimeType": "image/png", "buffer": IMAGE})
            opened.page.get_by_text("Time per stage").wait_for()
            opened.settle()
        found = Seen(
            title=opened.page.get_by_test_id("stMain").locator("h1").inner_text(),
            interrupted=sum(opened.page.get_by_test_id(kind).count() for kind in ("stException", "stDialog")),
            failed=opened.failed,
            strangers=opened.strangers(),
            barriers=opened.barriers(),
            overhang=opened.overhang(),
            brightness=opened.brightness(),
        )
    return path, scheme, found


def test_a_page_draws_itself(seen: tuple[str, Scheme, Seen]) -> None:
    """
    It has its title, no stack trace, no dialog, and no script of it fails.
    """
    path, _, page = seen

    assert page.title == PAGES[path]
    assert page.interrupted == 0
    assert page.failed == []


def test_a_page_asks_no_other_host(seen: tuple[str, Scheme, Seen]) -> None:
    """
    Not for fonts, not for scripts, not to count its visitors.
    """
    assert seen[2].strangers == []


def test_a_page_keeps_nobody_out(seen: tuple[str, Scheme, Seen]) -> None:
    """
    axe-core finds no serious problem: contrast, names of fields and buttons, alternative texts, structure.
    """
    assert seen[2].barriers == []


def test_a_page_fits_the_screen_in_the_colours_of_the_system(seen: tuple[str, Scheme, Seen]) -> None:
    """
    Nobody scrolls sideways, and whoever likes it dark has it dark.
    """
    _, scheme, page = seen

    assert page.overhang <= 0
    assert (page.brightness < 0.5) == (scheme == "dark")


def test_every_page_of_the_menu_is_looked_at(browser: Browser, console: str) -> None:
    """
    A new page comes under these tests with the menu's next entry.
    """
    with tab(browser) as opened:
        opened.open(console)
        links = opened.page.get_by_test_id("stSidebarNavLink").all()
        paths = [str(link.get_attribute("href")).rpartition("/")[2] for link in links]

    assert paths == list(PAGES)


@pytest.mark.parametrize("path", PAGES, ids=list(PAGES.values()))
def test_what_matters_is_reached_by_keyboard(path: str, browser: Browser, console: str) -> None:
    """
    The Tab key leads to the page's main actions.
    """
    with tab(browser) as opened:
        opened.open(f"{console}/{path}")

        if path == "monitoring":
            opened.page.get_by_text(f"What to do about {AWAY}").wait_for()

        assert ACTIONS[path] - set(opened.stops()) == set()


def test_a_page_is_opened_by_keyboard(browser: Browser, console: str) -> None:
    """
    Its entry in the menu is a link, and Enter follows it.
    """
    with tab(browser) as opened:
        opened.open(console)
        opened.page.get_by_role("link", name="History").focus()
        opened.page.keyboard.press("Enter")
        opened.page.get_by_test_id("stMain").get_by_role("heading", name="History", level=1).wait_for()

        assert opened.page.url == f"{console}/history"
