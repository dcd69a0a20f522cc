"""The page of the versions, where the route is changed: against a real gateway in front of several versions."""

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.tests.visits import press, put, state, text, visit
from tests.gateways import Gateway
from tests.processes import eventually
from tests.scripted import ScriptedServer

pytestmark = pytest.mark.usefixtures("golden")


def choose(app: AppTest, mode: str, **fields: float) -> AppTest:
    """Put a route together, and ask for its review."""
    app.segmented_control(key="routing.mode").set_value(mode).run()
    for name, value in fields.items():
        box = app.number_input if name == "percent" else app.selectbox
        key = next(str(each.key) for each in box if str(each.key).startswith(f"routing.{name}"))
        box(key=key).set_value(value).run()
    return press(app, "Review the change")


def confirm(app: AppTest, name: str = "Anna", why: str = "as agreed") -> AppTest:
    app.text_input(key="routing.who").input(name)
    app.text_input(key="routing.why").input(why)
    return press(app, "Confirm")


def test_nothing_is_changed_before_it_is_confirmed_with_a_name(
    routed: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What will happen is said in words, with where the versions differ; then who did it and why is in the record.
    """
    before = state(routed.url)
    app = visit(monkeypatch, routed.url, "models")

    choose(app, "pinned", version=2)

    assert "Now the newest version answers. Afterwards, from the next image on, version 2 answers" in text(app)
    assert "Versions 3 and 2 name the same class for 0 of 1 images; they differ on 1." in text(app)
    confirm(app, name=" ")
    assert "Say who you are and why" in text(app)
    assert state(routed.url) == before

    confirm(app)

    after = state(routed.url)
    assert after["current"] == {"mode": "pinned", "version": 2}
    assert (after["actor"], after["reason"]) == ("operator", "Anna: as agreed")
    assert "Done: version 2 answers, whatever is published." in text(app)
    assert not app.exception
    assert [button for button in app.button if button.label == "Confirm"] == []


def test_what_was_typed_just_before_the_click_is_what_is_reviewed(
    routed: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A field is sent when it is left, which the click on the button does.
    """
    app = visit(monkeypatch, routed.url, "models")
    app.segmented_control(key="routing.mode").set_value("canary").run()
    app.number_input(key="routing.percent").set_value(25.0)

    press(app, "Review the change")

    assert "version 3 answers 25 % of the images on trial" in text(app)


def test_what_the_page_shows_after_a_change_is_what_holds(routed: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The route, the traffic of the versions, and the record of changes, at once.
    """
    app = confirm(choose(visit(monkeypatch, routed.url, "models"), "pinned", version=1), why="![a](http://elsewhere/x)")

    assert "Route: version 1 answers" in text(app)
    assert "![a](" not in text(app)
    assert app.dataframe[0].value["Traffic"][3] == "100 % (stable)"
    newest = app.dataframe[-1].value.iloc[0]
    assert list(newest[["Who", "What"]]) == ["operator", "version 1 answers, whatever is published"]
    assert newest["Why"] == "Anna: ![a](http://elsewhere/x)"


def test_a_change_may_be_dropped(routed: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(routed.url)
    app = choose(visit(monkeypatch, routed.url, "models"), "pinned", version=1)

    press(app, "Do not change anything")

    assert [button for button in app.button if button.label == "Confirm"] == []
    assert state(routed.url) == before


@pytest.mark.parametrize("mode", ["canary", "shadow"])
def test_a_trial_is_set_then_promoted(routed: Gateway, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With its part of the images and the stable version; promoted, the version on trial answers everything.
    """
    app = visit(monkeypatch, routed.url, "models")

    confirm(choose(app, mode, version=2, percent=25.0, stable=1))

    assert state(routed.url)["current"] == {"mode": mode, "version": 2, "percent": 25.0, "stable": 1}

    press(app, "Promote version 2")
    assert "Versions 1 and 2 name the same class" in text(app)
    assert ("No image was put to the shadow yet." in text(app)) == (mode == "shadow")
    confirm(app)

    assert state(routed.url)["current"] == {"mode": "pinned", "version": 2}


def test_a_trial_is_rolled_back_to_its_stable_version(routed: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    put(routed.url, mode="canary", version=3, percent=10, stable=1)
    app = visit(monkeypatch, routed.url, "models")

    press(app, "Roll back to version 1")
    confirm(app, why="worse")

    assert state(routed.url)["current"] == {"mode": "pinned", "version": 1}
    assert state(routed.url)["reason"] == "Anna: worse"


def test_a_route_that_was_changed_meanwhile_is_left_alone(routed: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The visitor decided on what they saw; that is not there any more.
    """
    app = choose(visit(monkeypatch, routed.url, "models"), "pinned", version=1)
    put(routed.url, mode="pinned", version=2, reason="somebody else")

    confirm(app)

    assert state(routed.url)["current"] == {"mode": "pinned", "version": 2}
    assert any("changed meanwhile: version 2 answers" in box.value for box in app.error)


def test_a_refusal_of_the_gateway_is_shown_and_nothing_changed(
    routed: Gateway, versions: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A version that has left meanwhile cannot be routed to.
    """
    app = choose(visit(monkeypatch, routed.url, "models"), "pinned", version=1)
    gone = versions.versions.pop(1)
    try:
        gateway_knows(routed, 1, there=False)
        confirm(app)
    finally:
        versions.versions[1] = gone
        gateway_knows(routed, 1, there=True)

    assert any("version 1 cannot answer" in box.value for box in app.error)
    assert state(routed.url)["current"] == {"mode": "latest"}
    assert not app.exception


def gateway_knows(gateway: Gateway, version: int, *, there: bool) -> None:
    """Wait until a gateway has noticed that a version came or left."""

    def ready() -> set[int]:
        entries = httpx.get(f"{gateway.url}/models").json()["models"]
        return {entry["version"] for entry in entries if entry["ready"]}

    eventually(lambda: (version in ready()) == there, within=30, what="the gateway has noticed")
