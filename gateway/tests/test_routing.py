"""Who answers: the rules, for every route and every set of versions."""

from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing import (
    Canary,
    Latest,
    Pinned,
    Route,
    Shadow,
    answering,
    candidate_of,
    choose,
    explain,
    place,
    previous,
    shares,
)

NUMBERS = st.integers(0, 6)
PERCENT = st.floats(0.001, 100)
ROUTES = st.one_of(
    st.just(Latest()),
    st.builds(Pinned, NUMBERS),
    st.builds(Canary, NUMBERS, PERCENT, NUMBERS),
    st.builds(Shadow, NUMBERS, PERCENT, NUMBERS),
)
AVAILABLE = st.sets(NUMBERS, min_size=1)
KEYS = st.one_of(st.none(), st.text())
DRAWS = st.floats(0, 1, exclude_max=True)


@given(ROUTES, AVAILABLE, KEYS, DRAWS)
def test_a_chosen_version_can_answer(route: Route, available: set[int], key: str | None, draw: float) -> None:
    """Whatever the route wants, nobody is sent to a version that is not there; a shadow is another than who answers."""
    choice = choose(route, available, key, draw)

    assert choice.version in available
    assert choice.shadow is None or choice.shadow in available - {choice.version}


@given(ROUTES, AVAILABLE, st.text(), DRAWS, DRAWS)
def test_a_key_always_meets_the_same_version(
    route: Route, available: AbstractSet[int], key: str, draw: float, other: float
) -> None:
    """Chance has no say where the client sends a key."""
    assert choose(route, available, key, draw) == choose(route, available, key, other)


@given(ROUTES, AVAILABLE, KEYS, DRAWS)
def test_who_is_chosen_has_a_share(route: Route, available: set[int], key: str | None, draw: float) -> None:
    """What the operator is shown is what happens; what answers adds up to the whole."""
    choice = choose(route, available, key, draw)
    parts = {(part.version, part.role): part.percent for part in shares(route, available)}

    assert (choice.version, choice.role) in parts
    assert choice.shadow is None or (choice.shadow, "shadow") in parts
    assert sum(percent for (_, role), percent in parts.items() if role != "shadow") == pytest.approx(100)


@given(ROUTES, AVAILABLE, KEYS, DRAWS)
def test_what_is_otherwise_than_wanted_is_explained(
    route: Route, available: set[int], key: str | None, draw: float
) -> None:
    """A fallback is never silent."""
    if choose(route, available, key, draw).fallback:
        assert explain(route, available)


@given(ROUTES, AVAILABLE)
def test_a_rollback_leads_to_another_version_that_can_answer(route: Route, available: set[int]) -> None:
    """It leaves the candidate, or goes to an older one."""
    target = previous(route, available)

    if target is not None:
        assert target in available
        assert target != candidate_of(route)
        assert candidate_of(route) is not None or target < answering(route, available)


@pytest.mark.parametrize(
    ("route", "available", "version"),
    [
        (Latest(), {1, 3, 2}, 3),
        (Pinned(1), {1, 2, 3}, 1),
        (Pinned(1), {2, 3}, 3),
        (Canary(3, 50, 1), {1, 2, 3}, 1),
        (Canary(3, 50, 1), {2, 3}, 2),
        (Canary(3, 50, 1), {3}, 3),
        (Shadow(3, 50, 1), {1, 3}, 1),
    ],
    ids=str,
)
def test_the_wanted_version_answers_else_the_newest_other_and_the_candidate_last(
    route: Route, available: set[int], version: int
) -> None:
    """Outside a trial."""
    assert version == answering(route, available) == choose(route, available, None, 0.999).version


def test_a_candidate_that_is_away_is_answered_for_by_the_stable_version() -> None:
    """And that counts as a fallback, only for those who would have met it."""
    route = Canary(9, 10, 1)

    assert [
        (choice.version, choice.fallback) for choice in (choose(route, {1, 2}, None, draw) for draw in (0.05, 0.5))
    ] == [(1, True), (1, False)]


@pytest.mark.parametrize("percent", [1.0, 10.0, 50.0, 100.0])
def test_the_share_of_keys_is_the_percentage(percent: float) -> None:
    """Of 20,000 keys, to within five standard deviations."""
    keys = 20_000
    met = sum(choose(Canary(2, percent, 1), {1, 2}, f"client {n}", 0.0).version == 2 for n in range(keys))

    assert met == pytest.approx(keys * percent / 100, abs=5 * (keys * percent / 100 * (1 - percent / 100)) ** 0.5 + 1)


def test_a_canary_that_grows_keeps_its_clients_and_the_next_one_meets_others() -> None:
    """Nobody goes back and forth, and nobody is always the first."""
    keys = [str(n) for n in range(2000)]
    first = {key for key in keys if place(key, 2) < 0.1}

    assert first < {key for key in keys if place(key, 2) < 0.2}
    assert len(first & {key for key in keys if place(key, 3) < 0.1}) < len(first) / 2


@pytest.mark.parametrize(
    ("route", "available", "target"),
    [
        (Canary(2, 10, 1), {1, 2}, 1),
        (Shadow(2, 10, 1), {1, 2}, 1),
        (Canary(3, 10, 1), {2, 3}, 2),
        (Canary(2, 10, 1), {2}, None),
        (Latest(), {1, 2, 3}, 2),
        (Pinned(2), {1, 2, 3}, 1),
        (Pinned(1), {1, 2}, None),
        (Latest(), set(), None),
    ],
    ids=str,
)
def test_a_rollback_goes_to(route: Route, available: set[int], target: int | None) -> None:
    """The stable version of a trial, else the next older one."""
    assert target == previous(route, available)
