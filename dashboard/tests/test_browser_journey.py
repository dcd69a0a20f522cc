"""What an operator does in a day, in a real browser, each step with what the one before has left."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from dashboard.tests.browsers import Tab, tab
from dashboard.tests.consoles import serving_console
from tests.images import pixels, png

NAME = "journey.png"
IMAGE = png(pixels(7, size=301))


@pytest.fixture(scope="module")
def console(gateway_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a console in front of the gateway of the tests."""
    with serving_console(tmp_path_factory.mktemp("console"), gateway_url=gateway_url) as running:
        yield running.url


def test_an_image_is_answered_judged_and_found_again(browser: Browser, console: str, gateway_url: str) -> None:
    """
    Upload, answer, feedback, history: the page tells what the API keeps, and asks no other host on the way.
    """
    with tab(browser) as visit:
        visit.open(console)
        label, prediction = classify(visit)
        say_what_is_true(visit, label)
        find_in_history(visit, label, prediction)
        strangers = visit.strangers()

    [row] = httpx.get(f"{gateway_url}/history", params={"filename": NAME}).raise_for_status().json()["history"]
    assert (row["id"], row["prediction"]) == (prediction, label)
    assert strangers == []


def go(visit: Tab, page: str, title: str) -> None:
    """Go to another page by the menu."""
    visit.page.get_by_role("link", name=page, exact=True).click()
    visit.page.get_by_role("heading", name=title, level=1, exact=True).wait_for()
    visit.settle()


def classify(visit: Tab) -> tuple[str, str]:
    """Have the image classified, and return its class and the prediction's id."""
    go(visit, "Classify", "Classify images")
    visit.upload({"name": NAME, "mimeType": "image/png", "buffer": IMAGE})
    caption = visit.page.get_by_text(re.compile(r"^Prediction \S+$"))
    caption.wait_for()
    visit.settle()
    return visit.metrics()["Class"], caption.inner_text().removeprefix("Prediction ")


def say_what_is_true(visit: Tab, label: str) -> None:
    """Say that the model was right."""
    visit.page.get_by_role("button", name=label, exact=True).click()
    visit.page.get_by_text(f"Noted: {label}. The model was right.").wait_for()
    visit.settle()


def find_in_history(visit: Tab, label: str, prediction: str) -> None:
    """Look for the file by its name, and see that its prediction is the one that was shown."""
    go(visit, "History", "History")
    visit.page.get_by_text("Filters", exact=True).click()
    visit.page.get_by_role("textbox", name="File name").fill(NAME)
    visit.page.get_by_role("button", name="Show", exact=True).click()
    visit.page.wait_for_url(f"**/history?filename={NAME}")
    visit.settle()
    visit.page.get_by_role("combobox", name="Show one of them in detail").press_sequentially(NAME)
    visit.page.get_by_role("option").first.click()
    visit.page.get_by_text(f"Prediction {prediction}").wait_for()
    visit.settle()
    assert visit.metrics()["Class"] == label
