"""Values as people read them."""

import pytest

from dashboard import phrases
from dashboard.client.messages import ModelEntry, Route, RouteChange, TrainingSession
from dashboard.events import newest, of_models, of_route, of_trainings


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("![a](http://b)", r"!\[a\](http://b)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("two\n\n# lines", r"two \# lines"),
        (":red[x] $y$ `z`", r":red\[x\] \$y\$ \`z\`"),
        ("PULMO_QUEUE_LIMIT=4", "PULMO_QUEUE_LIMIT=4"),
    ],
)
def test_what_others_have_said_is_no_markup(text: str, written: str) -> None:
    assert phrases.plain(text) == written


def test_numbers_have_units() -> None:
    """
    And what is not known is no number.
    """
    assert [phrases.milliseconds(value) for value in (None, 0.0123, 2.5)] == ["no data", "12.3 ms", "2.50 s"]
    assert [phrases.percent(value) for value in (None, 0.123)] == ["no data", "12.3 %"]
    assert [phrases.span(value) for value in (12.0, 300.0, 5400.0, 259_200.0)] == ["12 s", "5 min", "1.5 h", "3 d"]


def test_an_address_is_shown_without_credentials() -> None:
    assert phrases.host("https://user:canary@gateway:8000/") == "gateway:8000"


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (Route("latest"), "the newest version answers"),
        (Route("pinned", 2), "version 2 answers, whatever is published"),
        (Route("canary", 3, 10, 2), "version 3 answers 10 % of the images on trial, version 2 the rest"),
        (Route("shadow", 3, 5, 2), "version 2 answers; version 3 is asked about 5 % of the images, to compare"),
    ],
    ids=["latest", "pinned", "canary", "shadow"],
)
def test_a_route_is_said_in_words(route: Route, said: str) -> None:
    assert phrases.route(route) == said


def test_events_of_all_kinds_are_told_newest_first() -> None:
    """
    Who changed the route and why, what became of a retraining, which version cannot be used.
    """
    happened = [
        *of_route([RouteChange("2026-11-29T10:02:00.000Z", Route("pinned", 1), "guard", "errors")]),
        *of_route([RouteChange("2026-11-29T10:04:00.000Z", Route("latest"), "operator", "", "ops")]),
        *of_trainings([TrainingSession("s", "failed", "no images", "2026-11-29T10:00:00Z", "2026-11-29T10:01:00Z")]),
        *of_models([ModelEntry(2, "END", error="no manifest", since="2026-11-29T10:03:00Z")]),
    ]

    told = [(event.what, event.detail) for event in newest(happened, 4)]

    assert told == [
        ("The route was changed by ops", "The newest version answers"),
        ("Version 2 cannot be used", "no manifest"),
        ("The guard took a version back", "Version 1 answers, whatever is published (errors)"),
        ("A retraining failed", "no images"),
    ]
