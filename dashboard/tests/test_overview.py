"""The page that says whether the service is well, against real peers and without them."""

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.phrases import host
from dashboard.tests.visits import text, visit
from tests.images import pixels, png
from tests.processes import free_port


def states(app: AppTest) -> dict[str, str]:
    """Return how each part is said to be."""
    words = [element.value for element in app.main.markdown]
    names = [index for index, word in enumerate(words) if word.startswith("**") and index + 1 < len(words)]
    return {words[index].strip("*"): words[index + 1] for index in names}


def test_the_sidebar_tells_the_state_of_the_service(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The sidebar says what /health says: the state and the model version.
    """
    health = httpx.get(f"{gateway_url}/health").raise_for_status().json()

    app = visit(monkeypatch, gateway_url)

    assert health["status"] == "ok"
    assert [box.value for box in app.sidebar.success] == ["Healthy"]
    assert [text.value for text in app.sidebar.markdown if "version" in text.value] == [
        f"Model version: {health['model_version']}"
    ]
    assert any("not a medical device" in caption.value for caption in app.sidebar.caption)


def test_a_healthy_service_is_said_to_be_so(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The page says in a sentence that all is well and which version answers, and of each part how it is.
    """
    version = httpx.get(f"{gateway_url}/health").raise_for_status().json()["model_version"]

    app = visit(monkeypatch, gateway_url)

    assert f"The service is healthy. Version {version} answers." in [box.value for box in app.success]
    assert list(states(app)) == ["Gateway", "Model server", "History", "Console"]
    assert all("Healthy" in state for state in states(app).values())
    assert "the newest version answers" in text(app)
    assert not app.exception
    assert not app.warning


def test_the_figures_are_those_of_the_gateway(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each figure has its name and unit, and where it is from.
    """
    httpx.post(f"{gateway_url}/predict", content=png(pixels(1))).raise_for_status()

    app = visit(monkeypatch, gateway_url)

    assert [metric.label for metric in app.metric] == [
        *("Images per second", "Median time", "99 % took less than"),
        *("Refused", "Failed", "Images waiting"),
    ]
    assert "from the gateway's own metrics" in text(app)


def test_a_version_that_came_to_answer_is_among_the_events(gateway_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The last events tell what became of the versions, with the moment.
    """
    app = visit(monkeypatch, gateway_url)

    events = app.table[-1].value
    assert "Version 1 became available" in list(events["What"])
    assert all(events["When (UTC)"])


def test_without_a_gateway_each_part_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The page is there, names what is away and the remedy, and shows no stack trace.
    """
    app = visit(monkeypatch, f"http://127.0.0.1:{free_port()}")

    assert "Away" in states(app)["Gateway"]
    assert "Not known" in states(app)["Model server"]
    assert "Healthy" in states(app)["Console"]
    assert any("Needs attention: Gateway away" in box.value for box in app.warning)
    assert any(box.value.startswith("Traffic: ") and "make run" in box.value for box in app.warning)
    assert not app.exception


def test_a_gateway_that_hangs_is_not_waited_for(hanging_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The page is drawn all the same, and says of each part that it did not answer in time.
    """
    app = visit(monkeypatch, hanging_url)

    assert "did not answer in time" in app.sidebar.error[0].value
    assert "Away" in states(app)["Gateway"]
    assert any(box.value.startswith("Traffic: **The gateway did not answer in time") for box in app.warning)
    assert not app.exception


def test_without_prometheus_the_gateways_own_figures_are_shown(
    gateway_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A Prometheus that was configured and is away is named, with its address.
    """
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("PULMO_PROMETHEUS_URL", url)

    app = visit(monkeypatch, gateway_url)

    assert "Away" in states(app)["Prometheus"]
    assert any(url in box.value and "PULMO_PROMETHEUS_URL" in box.value for box in app.warning)
    assert "from the gateway's own metrics" in text(app)
    assert not app.exception


def test_a_gateway_without_a_model_is_degraded(gateway_without_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The reason that the gateway gives stands beside the part that is the matter.
    """
    reason = httpx.get(f"{gateway_without_model}/health").json()["reason"]

    app = visit(monkeypatch, gateway_without_model)

    assert "Healthy" in states(app)["Gateway"]
    assert "Away" in states(app)["Model server"]
    assert reason in text(app)
    assert not app.exception


def test_figures_of_prometheus_are_shown_where_there_is_one(
    gateway_url: str, prometheus_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    They are said to be from there.
    """
    monkeypatch.setenv("PULMO_PROMETHEUS_URL", prometheus_url)

    app = visit(monkeypatch, gateway_url)

    assert "Healthy" in states(app)["Prometheus"]
    assert f"Last 5 min; from Prometheus at {host(prometheus_url)}" in text(app)
    assert not app.exception
    assert not app.warning


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A setting that is no address is told with its name and its value.
    """
    app = visit(monkeypatch, "localhost:8000")

    assert ["PULMO_GATEWAY_URL='localhost:8000'" in error.value for error in app.error] == [True]
    assert not app.exception
