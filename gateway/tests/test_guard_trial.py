"""Which version is on trial."""

import pytest

from gateway.guard.trial import Trial, next_trial
from gateway.routing import Canary, Latest, Pinned, Route, Shadow


@pytest.mark.parametrize(("route", "kind"), [(Canary(2, 10, 1), "canary"), (Shadow(2, 10, 1), "shadow")])
def test_a_candidate_is_on_trial_for_as_long_as_it_is_routed(route: Route, kind: str) -> None:
    """Asking again goes on with the same trial, and other percents do not begin it anew."""
    trial = next_trial(None, route, answering=1, before=1, now=5)

    assert trial is not None
    assert (trial.kind, trial.candidate, trial.stable, trial.since) == (kind, 2, 1, 5)
    more = type(route)(2, 50, 1) if isinstance(route, Canary | Shadow) else route
    assert next_trial(trial, more, answering=1, before=1, now=9) is trial


def test_a_newer_version_under_latest_is_on_trial_against_the_one_before() -> None:
    """The trial goes on while it answers, and a still newer one begins its own."""
    trial = next_trial(None, Latest(), answering=2, before=1, now=5)

    assert trial == Trial("rollout", 2, 1, 5)
    assert next_trial(trial, Latest(), answering=2, before=2, now=9) is trial
    assert next_trial(trial, Latest(), answering=3, before=2, now=9) == Trial("rollout", 3, 2, 9)


def test_a_canary_that_is_promoted_to_all_is_a_rollout() -> None:
    """It is judged by what it does with all of the traffic."""
    canary = Trial("canary", 2, 1, 5)

    assert next_trial(canary, Latest(), answering=2, before=1, now=9) == Trial("rollout", 2, 1, 9)


def test_a_shadow_that_becomes_a_canary_is_judged_anew() -> None:
    """What a shadow was like says little about a version that answers."""
    assert next_trial(Trial("shadow", 2, 1, 5), Canary(2, 10, 1), 1, 1, 9) == Trial("canary", 2, 1, 9)


def test_the_same_canary_after_a_rollback_is_judged_anew() -> None:
    """The pin between them ended the first trial."""
    between = next_trial(Trial("canary", 2, 1, 5), Pinned(1), answering=1, before=1, now=9)

    assert between is None
    assert next_trial(between, Canary(2, 10, 1), answering=1, before=1, now=11) == Trial("canary", 2, 1, 11)


@pytest.mark.parametrize(
    ("route", "answering", "before"),
    [(Latest(), 1, None), (Latest(), 1, 1), (Latest(), 1, 2), (Pinned(2), 2, 1)],
    ids=["the first version", "no change", "an older one comes back", "a pin"],
)
def test_there_are_changes_without_a_trial(route: Route, answering: int, before: int | None) -> None:
    """The guard does not second what it cannot compare, or what somebody decided."""
    assert next_trial(None, route, answering, before, now=5) is None
