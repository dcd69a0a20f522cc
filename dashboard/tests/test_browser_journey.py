"""What an operator does in a day, in a real browser, each step with what the one before has left.

The model server, the trainer and the gateway are real; the operator has nothing but the console.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from dashboard.tests.browsers import Tab, tab
from dashboard.tests.consoles import serving_console
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import MODEL, keep_newest, serving
from tests.retraining import end_all

pytestmark = pytest.mark.timeout(900)  # TensorFlow starts for the training

NAME = "journey.png"
IMAGE = png(pixels(7, size=301))
OPERATOR = "Rita Ferreira"
_TRAINED_MS = 300_000


@dataclass(frozen=True)
class Service:
    """A service that can train, and the console in front of it."""

    gateway: Gateway
    console: str
    drawn: Path
    """A folder of labelled images, a folder for each class."""

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the API says, to whoever asks it."""
        return httpx.get(f"{self.gateway.url}{path}", params=parameters).raise_for_status().json()


@pytest.fixture(scope="module")
def service(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service whose version 1 was trained on drawn images."""
    folder = tmp_path_factory.mktemp("service")
    store = shutil.copytree(trained / MODEL, folder / MODEL)
    with (
        serving(store, keep_newest(store, 2, folder)) as server,
        serving_gateway(server.target, folder, store=str(store), trainer_nice="0") as gateway,
        serving_console(folder, gateway_url=gateway.url) as console,
    ):
        yield Service(gateway, console.url, trained / "drawn" / "train")
    end_all(folder / "sessions")


def test_an_image_is_answered_judged_and_found_again(browser: Browser, service: Service) -> None:
    """
    Upload, answer, feedback, history: the page tells what the API keeps, and asks no other host on the way.
    """
    with tab(browser) as visit:
        visit.open(service.console)
        label, prediction = classify(visit)
        say_what_is_true(visit, label)
        find_in_history(visit, label, prediction)
        strangers = visit.strangers()

    [row] = service.get("/history", filename=NAME)["history"]
    assert (row["id"], row["prediction"]) == (prediction, label)
    assert strangers == []


def test_a_version_is_trained_compared_tried_and_taken_back(browser: Browser, service: Service) -> None:
    """
    From images to the version that has learned from them, to a canary, and back, with a name and a reason at each
    change; the API tells the same of each step.
    """
    with tab(browser) as visit:
        visit.open(service.console)
        upload_images(visit, service.drawn)
        train(visit)
        published = service.get("/models")["models"][0]
        compare(visit)
        try_out(visit)
        tried = service.get("/models/route")
        roll_back(visit)
        told = visit.page.get_by_text("Route: version 1 answers, whatever is published.").is_visible()
        strangers = visit.strangers()

    answer = httpx.post(f"{service.gateway.url}/predict", content=IMAGE).raise_for_status().json()
    reasons = [change["reason"] for change in service.get("/models/route/history")["history"]]
    assert (published["version"], published["current"]) == (2, True)
    assert tried["current"] == {"mode": "canary", "version": 2, "percent": 25.0, "stable": 1}
    assert told
    assert answer["model_version"] == 1
    assert reasons == [f"{OPERATOR}: It is no better", f"{OPERATOR}: A quarter first"]
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


def upload_images(visit: Tab, folder: Path) -> None:
    """Hand over a folder of labelled images."""
    go(visit, "Train", "Train")
    visit.page.get_by_text("A folder of classes", exact=True).click()
    visit.page.get_by_text("Folder", exact=True).wait_for()
    visit.upload_folder(folder)
    visit.page.get_by_role("button", name="Upload 16 images").click()
    visit.page.get_by_text("Known before", exact=True).wait_for()
    visit.settle()


def train(visit: Tab) -> None:
    """Have a version trained that answers as the one before, and so is no worse; watch until it is published."""
    visit.page.get_by_text("Set parameters", exact=True).click()
    visit.page.get_by_label("Epochs", exact=True).fill("1")
    visit.page.get_by_label("Learning rate", exact=True).fill("1e-12")
    visit.page.get_by_role("button", name="Start a training").click()
    visit.page.get_by_text("it is followed below").wait_for()
    visit.page.get_by_text("Version 2 is published.", exact=True).wait_for(timeout=_TRAINED_MS)
    visit.page.get_by_text("Model version: 2").wait_for()


def compare(visit: Tab) -> None:
    """Put the same images to both versions."""
    go(visit, "Models", "Models")
    visit.page.get_by_role("button", name="Ask both about the same images").click()
    visit.page.get_by_text("Versions 2 and 1 name the same class for 4 of 4 images.").wait_for()
    visit.settle()


def try_out(visit: Tab) -> None:
    """Let version 2 answer a quarter of the images."""
    visit.page.get_by_text("Canary", exact=True).click()
    visit.page.get_by_label("Part of the images, %").fill("25")
    visit.page.get_by_role("button", name="Review the change").click()
    confirm(visit, "A quarter first", name=OPERATOR)


def roll_back(visit: Tab) -> None:
    """Let version 1 answer everything; who they are is remembered."""
    visit.page.get_by_role("button", name="Roll back to version 1").click()
    confirm(visit, "It is no better")


def confirm(visit: Tab, why: str, name: str = "") -> None:
    """Confirm a change, once it was said what it does."""
    dialog = visit.page.get_by_role("dialog")
    dialog.get_by_text("name the same class for 4 of 4 images.").wait_for()
    if name:
        dialog.get_by_label("Your name").fill(name)
    dialog.get_by_label("Reason").fill(why)
    dialog.get_by_role("button", name="Confirm").click()
    dialog.wait_for(state="detached")
    visit.page.get_by_text("Done: ").wait_for()
    visit.settle()
