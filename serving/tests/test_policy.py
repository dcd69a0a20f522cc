"""What is a version, and in which order versions come and go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.policy import All, Latest, Policy, Specific, Step, aspire, next_step, scan

VERSIONS = st.frozensets(st.integers(1, 5), max_size=4)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        pytest.param("7", 7, id="a number"),
        pytest.param("007", 7, id="a number with leading zeros"),
        pytest.param("+7", 7, id="a number with a plus"),
        pytest.param("-7", -7, id="a negative number"),
        pytest.param(" 7\n", 7, id="a number between blanks"),
        pytest.param("9223372036854775807", 2**63 - 1, id="the largest int64"),
    ],
)
def test_a_name_that_is_an_int64_is_a_version(name: str, version: int) -> None:
    assert {version: name} == scan([name])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(".7.partial", id="a version that is being written"),
        pytest.param("7.0", id="a fraction"),
        pytest.param("v7", id="a prefix"),
        pytest.param("7a", id="a suffix"),
        pytest.param("1_000", id="an underscore, which Python would allow"),
        pytest.param("\u0667", id="a digit that is not ASCII"),
        pytest.param("+-7", id="two signs"),
        pytest.param("", id="an empty name"),
        pytest.param("9223372036854775808", id="a number above int64"),
        pytest.param("9" * 5000, id="more digits than Python converts"),
    ],
)
def test_any_other_name_is_ignored(name: str) -> None:
    assert scan([name]) == {}


def test_of_two_names_with_one_number_the_later_in_sorted_order_counts() -> None:
    assert scan(["1", "01"]) == {1: "1"}


@pytest.mark.parametrize(
    ("policy", "aspired"),
    [
        pytest.param(Latest(), {10}, id="the latest one"),
        pytest.param(Latest(2), {9, 10}, id="the latest two"),
        pytest.param(Latest(7), {2, 9, 10}, id="more than there are"),
        pytest.param(All(), {2, 9, 10}, id="all"),
        pytest.param(Specific(frozenset({2, 7})), {2}, id="those that are named and there"),
    ],
)
def test_a_policy_aspires(policy: Policy, aspired: set[int]) -> None:
    assert aspire(policy, scan(["9", "10", "2"])).keys() == aspired
    assert aspire(policy, {}) == {}


@pytest.mark.parametrize(
    ("policy", "pending", "aspired"),
    [
        pytest.param(Latest(), {4}, {4, 3}, id="the next lower one takes the place of one that cannot serve"),
        pytest.param(Latest(), {4, 3}, {4, 3, 2}, id="and of two of them"),
        pytest.param(Latest(2), {3}, {4, 3, 2}, id="one between two good ones takes no place"),
        pytest.param(Latest(), {3}, {4}, id="a lower one is not wanted anyway"),
        pytest.param(Latest(), {1, 2, 3, 4}, {1, 2, 3, 4}, id="where none can serve all are tried"),
        pytest.param(Specific(frozenset({4})), {4}, {4}, id="one that is named has no substitute"),
    ],
)
def test_versions_that_cannot_serve_do_not_take_the_place_of_others(
    policy: Policy, pending: set[int], aspired: set[int]
) -> None:
    assert aspire(policy, scan(["1", "2", "3", "4"]), pending).keys() == aspired


@given(count=st.integers(1, 4), found=VERSIONS, pending=VERSIONS)
def test_as_many_good_versions_are_aspired_as_asked_for_and_as_few_as_that(
    count: int, found: frozenset[int], pending: frozenset[int]
) -> None:
    good = sorted(found - pending, reverse=True)
    chosen = aspire(Latest(count), dict.fromkeys(found, ""), pending).keys()

    assert chosen - pending == set(good[:count])
    if len(good) >= count:
        assert all(version > good[count - 1] for version in chosen & pending)
    else:
        assert chosen == found


@given(count=st.integers(1, 4), found=VERSIONS)
def test_where_everything_serves_the_highest_versions_are_aspired(count: int, found: frozenset[int]) -> None:
    assert aspire(Latest(count), dict.fromkeys(found, "")).keys() == set(sorted(found)[-count:])


@pytest.mark.parametrize(
    ("aspired", "ready", "loadable", "step"),
    [
        pytest.param({1}, set(), {1}, Step("load", 1), id="the first version is loaded"),
        pytest.param({2}, {1}, {2}, Step("load", 2), id="the new one is loaded while the old one serves"),
        pytest.param({2}, {1, 2}, set(), Step("unload", 1), id="the old one goes when the new one serves"),
        pytest.param({2}, {1}, set(), None, id="the old one stays while the new one cannot be loaded"),
        pytest.param({1}, {2}, {1}, Step("load", 1), id="the lower one is loaded before the deleted one goes"),
        pytest.param(set(), {1}, set(), Step("unload", 1), id="an empty store unloads everything"),
        pytest.param({3}, {1, 2}, {3}, Step("unload", 1), id="of two that are not wanted the lower one goes first"),
        pytest.param({1}, {1}, set(), None, id="nothing happens when all is well"),
    ],
)
def test_the_next_step(aspired: set[int], ready: set[int], loadable: set[int], step: Step | None) -> None:
    assert step == next_step(aspired, ready, loadable)


@given(aspired=VERSIONS, ready=VERSIONS, loadable=VERSIONS)
def test_the_last_version_that_serves_is_never_unloaded_while_one_is_aspired(
    aspired: frozenset[int], ready: frozenset[int], loadable: frozenset[int]
) -> None:
    step = next_step(aspired, ready, loadable & aspired)
    if aspired and len(ready) == 1:
        assert step is None or step.action == "load"
