"""Every page while a part of the service is away: it is drawn, says what is missing, and shows no stack trace."""

from collections.abc import Iterator

import pytest

from dashboard.tests.visits import text, visit
from tests.gateways import serving_gateway
from tests.images import pixels, png
from tests.postgresql import Postgres
from tests.scripted import ScriptedServer

PAGES = ["", "classify", "history", "models", "train", "monitoring", "load"]
AWAY = "**The history is not available**"
LACKING = {
    "": ["Needs attention: History away.", f"Last events: {AWAY}"],
    "history": [f"History: {AWAY}"],
    "models": [f"Right by feedback: {AWAY}", f"Changes of the route: {AWAY}"],
    "train": [f"The last training: {AWAY}", f"Trainings so far: {AWAY}"],
}
"""What is said beside the sidebar where the database is away, by page; the other pages need none."""


@pytest.fixture(scope="module")
def forgetful_url(
    versions: ScriptedServer, postgresql: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the address of a gateway whose database went away after it had started."""
    with serving_gateway(versions.target, tmp_path_factory.mktemp("forgetful"), history=postgresql.create()) as gateway:
        postgresql.stop()
        yield gateway.url
        postgresql.start()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_the_database_says_what_is_missing(
    page: str, forgetful_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The sidebar of every page says so, and each part that needs it; the others are drawn.
    """
    app = visit(monkeypatch, forgetful_url, page)

    assert [box.value for box in app.sidebar.warning] == ["Degraded: The history is not available"]
    warnings = [box.value for box in app.main.warning]
    assert [found.partition("\n")[0] for found in warnings] == LACKING.get(page, [])
    assert not app.exception
    assert not app.error


def test_an_image_that_cannot_be_recorded_is_refused_in_words(
    forgetful_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    No answer is shown that the history would not have.
    """
    app = visit(monkeypatch, forgetful_url, "classify")
    app.file_uploader[0].set_value([("slice.png", png(pixels(1)), "image/png")]).run()

    assert [box.value.partition("\n")[0] for box in app.main.error] == [AWAY]
    assert not app.main.metric
    assert not app.exception


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_the_model_server_says_so(
    page: str, gateway_without_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The sidebar of every page names the reason; what does not need a model is there.
    """
    app = visit(monkeypatch, gateway_without_model, page)

    [told] = [box.value for box in app.sidebar.warning]
    assert told.startswith("Degraded: ")
    assert "Model version: none" in text(app)
    assert len(app.title) == 1
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
def test_a_page_in_front_of_a_gateway_that_hangs_is_drawn(
    page: str, hanging_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It says that no answer came, and by its title where one is.
    """
    app = visit(monkeypatch, hanging_url, page)

    told = [box.value for box in (*app.main.warning, *app.main.error, *app.sidebar.error)]
    assert any("The gateway did not answer in time" in value for value in told)
    assert len(app.title) == 1
    assert not app.exception
