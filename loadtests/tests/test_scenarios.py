"""The table of scenarios, and the times in them."""

import pytest

from loadtests.load.scenarios import CLAIMED, SCENARIOS, Limits, Scenario, Stage

WAVE = Scenario("wave", (Stage(10, 5, 1), Stage(20, 50, 10), Stage(10, 5, 10)), Limits(p99_ms=100, rate=7))


@pytest.mark.parametrize(
    ("name", "users", "rate", "minutes"),
    [("baseline", 10, 2, 2), ("normal", 50, 5, 5), ("high", 100, 10, 10), ("stress", 200, 20, 15)],
)
def test_a_steady_scenario_has_the_original_figures(name: str, users: int, rate: float, minutes: float) -> None:
    """
    As many users, as fast and as long as the original project had them.
    """
    assert SCENARIOS[name].stages == (Stage(60 * minutes, users, rate),)


def test_the_spike_has_the_original_figures_and_goes_back() -> None:
    """
    500 users at 50 a second in 5 minutes, between two quiet times of 10 users.
    """
    spike = SCENARIOS["spike"]

    assert [stage.users for stage in spike.stages] == [10, 500, 10]
    assert spike.stages[1].rate == 50
    assert spike.seconds == 300


def test_the_five_that_were_claimed_come_in_their_order() -> None:
    """
    The soak is no claim of the original project.
    """
    assert CLAIMED == ("baseline", "normal", "high", "stress", "spike")


@pytest.mark.parametrize(("seconds", "users"), [(0, 5), (9.9, 5), (10, 50), (29.9, 50), (30, 5), (39.9, 5), (40, None)])
def test_stages_follow_each_other_to_the_end(seconds: float, users: int | None) -> None:
    """
    Each begins where the one before it ends; after the last there is none.
    """
    stage = WAVE.stage_at(seconds)

    assert (stage.users if stage else None) == users


def test_the_quick_form_has_as_many_users_and_demands_no_speed() -> None:
    """
    Scaled in time: users come faster, and limits of time do not hold.
    """
    quick = WAVE.quick(4)

    assert quick.stages == (Stage(1, 5, 10), Stage(2, 50, 100), Stage(1, 5, 100))
    assert quick.limits == Limits()
