"""Which changes of the route there are, and what each does."""

import pytest

from dashboard.changes import planned, promotion, rollback, sentence, signed
from dashboard.client.messages import ModelEntry, Route, RouteState

CANARY = Route("canary", 3, 10.0, 1)


def entries(now: int | None, *numbers: int) -> list[ModelEntry]:
    return [
        ModelEntry(number, "AVAILABLE", current=number == now, ready=True) for number in sorted(numbers, reverse=True)
    ]


@pytest.mark.parametrize(
    ("route", "now", "pair"),
    [
        (Route("latest"), 1, (1, 3)),
        (Route("latest"), 3, None),
        (Route("pinned", 2), 3, (3, 2)),
        (CANARY, 3, (1, 3)),
        (Route("shadow", 2, 5.0, 3), 1, (3, 2)),
        (Route("latest"), None, None),
    ],
)
def test_the_versions_to_compare_are_the_one_that_answers_and_its_successor(
    route: Route, now: int | None, pair: tuple[int, int] | None
) -> None:
    assert planned(route, RouteState(Route("latest")), entries(now, 1, 2, 3)).pair == pair


def test_only_a_version_on_trial_that_can_answer_is_promoted() -> None:
    state = RouteState(CANARY, sequence=7)

    change = promotion(state, entries(1, 1, 2, 3))

    assert change is not None
    assert (change.label, change.route, change.sequence) == ("Promote version 3", Route("pinned", 3), 7)
    assert promotion(state, entries(1, 1, 2)) is None
    assert promotion(RouteState(Route("pinned", 1)), entries(1, 1, 2)) is None


@pytest.mark.parametrize(
    ("route", "now", "label"),
    [
        (CANARY, 1, "Roll back to version 1"),
        (CANARY, 3, None),
        (Route("latest"), 3, "Roll back to version 2"),
        (Route("pinned", 2), 2, "Roll back to version 1"),
        (Route("pinned", 1), 1, None),
        (Route("latest"), None, None),
    ],
    ids=["trial", "stable away", "latest", "pinned", "oldest", "none"],
)
def test_a_rollback_goes_where_the_gateway_goes(route: Route, now: int | None, label: str | None) -> None:
    """
    To the stable version of a trial, and else to the next older one.
    """
    change = rollback(RouteState(route), entries(now, 1, 2, 3))

    assert (change and change.label) == label


def test_what_will_happen_is_said_in_words() -> None:
    state = RouteState(Route("latest"))
    said = sentence(planned(CANARY, state, entries(1, 1, 3)), state)

    assert said.startswith("Now the newest version answers. Afterwards, from the next image on, version 3 answers 10 %")
    assert "The guard, where it is on, ends the trial" in said


def test_a_name_stands_before_the_reason() -> None:
    assert (signed("Anna", "worse"), signed("", "worse")) == ("Anna: worse", "worse")
