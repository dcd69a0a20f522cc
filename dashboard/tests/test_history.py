"""The page that shows what was answered, against a real gateway."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import phrases
from dashboard.filters import NAMES, Place, confidences, from_day, last_day, until_day
from dashboard.tests.visits import press, text, visit
from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import free_port

IMAGES = 230
"""More than two pages have."""


@pytest.fixture(scope="module")
def url(model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a gateway with a history of its own, of more than two pages."""
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("history")) as gateway:
        files = [("files", (f"slice_{number}.png", png(pixels(number % 9, size=8)))) for number in range(IMAGES)]
        for first in range(0, IMAGES, 50):
            httpx.post(f"{gateway.url}/predict-batch", files=files[first : first + 50], timeout=60).raise_for_status()
        yield gateway.url


def rows(url: str, **query: str) -> list[dict[str, Any]]:
    """Return what the gateway says that the history has."""
    found: list[dict[str, Any]] = httpx.get(f"{url}/history", params={"limit": "500", **query}).json()["history"]
    return found


def files(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["File"])


def test_the_newest_predictions_are_shown_first(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A row has what the gateway has of a prediction.
    """
    expected = rows(url)[:100]

    app = visit(monkeypatch, url, "history")

    assert files(app) == [row["filename"] for row in expected]
    assert list(app.dataframe[0].value["Class"]) == [row["prediction"] for row in expected]
    assert list(app.dataframe[0].value["Version"]) == [row["model_version"] for row in expected]
    assert not app.exception
    assert not app.error


def test_older_pages_follow_until_the_last(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each prediction is on one page, the page is in the address, and the way back is one click.
    """
    app = visit(monkeypatch, url, "history")
    seen = files(app)

    while "after" not in app.query_params or not disabled(app, "Older"):
        press(app, "Older")
        seen += files(app)

    assert seen == [row["filename"] for row in rows(url)]
    press(app, "Newest")
    assert "after" not in app.query_params
    assert files(app) == seen[:100]


def disabled(app: AppTest, label: str) -> bool:
    [button] = [button for button in app.button if button.label == label]
    return bool(button.disabled)


def test_a_link_shows_the_same_part_to_another(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The filters are read from the address, and the form shows them.
    """
    expected = rows(url, filename="slice_1*", max_confidence="0.99")

    app = visit(monkeypatch, url, "history", filename="slice_1*", max_confidence="0.99")

    assert expected
    assert files(app) == [row["filename"] for row in expected][:100]
    assert "slice_1*" in [field.value for field in app.text_input]
    assert [slider.value for slider in app.slider] == [(0, 99)]


def test_filters_that_are_set_are_in_the_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What is chosen in the form is what the gateway is asked for; removing it shows all again.
    """
    label = rows(url)[0]["prediction"]
    app = visit(monkeypatch, url, "history")

    next(box for box in app.selectbox if box.label == "Class").set_value(label)
    next(field for field in app.text_input if field.label == "File name").input("slice_2*")
    press(app, "Show")

    assert app.query_params == {"class": label, "filename": "slice_2*"}
    assert files(app) == [row["filename"] for row in rows(url, **{"class": label, "filename": "slice_2*"})]

    press(app, "Remove all filters")

    assert app.query_params == {}
    assert len(files(app)) == 100


def test_every_filter_of_the_gateway_may_stand_in_the_address(url: str) -> None:
    operation = httpx.get(f"{url}/openapi.json").json()["paths"]["/history"]["get"]
    parameters = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}

    assert set(NAMES) == parameters - {"limit", "after"}


@pytest.mark.parametrize(
    "query",
    [{"version": "nine"}, {"since": "yesterday"}, {"min_confidence": "7"}, {"abstain": "perhaps"}],
    ids=lambda query: next(iter(query)),
)
def test_a_filter_that_is_none_is_told_in_the_gateways_words(
    url: str, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    An address that was written by hand may be wrong; the page says how, and stays usable.
    """
    app = visit(monkeypatch, url, "history", **query)

    assert any("A filter is not valid" in box.value and next(iter(query)) in box.value for box in app.warning)
    assert not app.exception
    press(app, "Remove all filters")
    assert files(app)


def test_a_problem_is_never_markup(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What a link has the gateway repeat makes the page ask no other host for a picture.
    """
    app = visit(monkeypatch, url, "history", version="![a](http://elsewhere/x)")

    [notice] = [box.value for box in app.warning]
    assert "elsewhere" in notice
    assert "![a](" not in notice


def test_where_nothing_is_found_the_page_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(monkeypatch, url, "history", filename="nobody")

    assert any("No prediction is like that" in box.value for box in app.info)
    assert not app.exception


def test_a_row_is_shown_in_detail_and_takes_feedback(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The numbers are those of the history, and feedback goes to that prediction.
    """
    newest = rows(url)[0]
    app = visit(monkeypatch, url, "history")

    detail = next(box for box in app.selectbox if box.label == "Show one of them in detail")
    detail.select_index(0).run()

    assert {metric.label: metric.value for metric in app.metric} == {
        "Class": newest["prediction"],
        "Confidence": phrases.percent(newest["confidence"]),
        "Model version": str(newest["model_version"]),
    }
    assert f"Prediction {newest['id']}" in text(app)
    press(app, newest["prediction"])
    assert "The model was right" in text(app)


@pytest.mark.parametrize("kind", ["CSV", "JSON lines"])
def test_the_file_has_all_that_the_filters_let_through(url: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Beyond the page, and as the gateway writes it.
    """
    form = {"CSV": "csv", "JSON lines": "json"}[kind]
    expected = httpx.get(f"{url}/history/export", params={"format": form, "filename": "slice_1*"}).content
    app = visit(monkeypatch, url, "history", filename="slice_1*")

    app.segmented_control[0].set_value(kind).run()
    press(app, "Prepare the file")

    assert f"{len(expected) / 1000:.1f} kB" in text(app)
    assert not app.exception
    assert form == "csv" or all(json.loads(line)["filename"].startswith("slice_1") for line in expected.splitlines())


def test_without_a_gateway_the_page_names_what_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(monkeypatch, f"http://127.0.0.1:{free_port()}", "history")

    assert any(box.value.startswith("History: ") and "make run" in box.value for box in app.warning)
    assert not app.exception


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30, "\u00b2"])
def test_an_address_that_names_no_page_is_the_first_one(after: str) -> None:
    assert Place.of({"after": after, "class": " normal ", "else": "x"}) == Place({"class": "normal"})


def test_days_are_whole() -> None:
    """
    Until the end of a day is before the next one.
    """
    last = last_day("2026-03-01T00:00:00Z")

    assert last is not None
    assert last.isoformat() == "2026-02-28"
    assert (from_day(last), until_day(last)) == ("2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z")
    assert last_day("soon") is None


def test_confidences_of_an_address_are_a_span() -> None:
    assert confidences({}) == (0, 100)
    assert confidences({"min_confidence": "0.25", "max_confidence": "x"}) == (25, 100)
    assert confidences({"min_confidence": "0.9", "max_confidence": "0.1"}) == (10, 90)
