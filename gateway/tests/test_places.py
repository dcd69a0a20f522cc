"""Places whose bodies come slowly: kept while nobody needs them, given away when somebody does."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from prometheus_client import CollectorRegistry

from gateway.admission import Admission
from gateway.errors import Overloaded
from gateway.lanes import Priority
from gateway.metrics import Metrics
from gateway.places import PATIENCE_S, Place
from tests.clocks import Clock


class Bodies:
    """Requests whose bodies never end."""

    def __init__(self, admission: Admission, stack: ExitStack) -> None:
        self._admission = admission
        self._stack = stack
        self.lost: list[str] = []

    def begin(self, name: str, priority: Priority = "interactive") -> Place:
        place = self._stack.enter_context(self._admission.places(priority=priority))
        self._stack.enter_context(place.reading(lambda: self.lost.append(name)))
        return place


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def admission(clock: Clock) -> Admission:
    """Return four places, of which bulk may have three."""
    return Admission(4, Metrics(CollectorRegistry()), clock)


@pytest.fixture
def bodies(admission: Admission) -> Iterator[Bodies]:
    with ExitStack() as stack:
        yield Bodies(admission, stack)


def test_the_longest_body_gives_way_when_no_place_is_free(admission: Admission, bodies: Bodies, clock: Clock) -> None:
    """One for each place that is missing, and no more."""
    for name in "abcd":
        bodies.begin(name)
        clock.now += 0.1
    clock.now += PATIENCE_S

    with admission.places():
        assert bodies.lost == ["a"]
        with admission.places(2):
            assert bodies.lost == ["a", "b", "c"]


def test_a_slow_body_is_left_alone_while_there_are_places(admission: Admission, bodies: Bodies, clock: Clock) -> None:
    """A poor line is no offence."""
    bodies.begin("a")
    clock.now += 3600

    with admission.places(3):
        assert bodies.lost == []


def test_a_body_that_has_just_begun_keeps_its_place(admission: Admission, bodies: Bodies, clock: Clock) -> None:
    """Overload by honest clients is refused as ever; where not enough would give way nobody does."""
    old, _ = bodies.begin("old"), clock
    clock.now += PATIENCE_S + 0.1
    for name in "abc":
        bodies.begin(name)

    with pytest.raises(Overloaded), admission.places(2):
        pass
    assert (bodies.lost, old.lost) == ([], False)


def test_bulk_takes_no_place_from_an_interactive_body(admission: Admission, bodies: Bodies, clock: Clock) -> None:
    """But the other way round."""
    for _ in range(3):
        bodies.begin("interactive")
    bodies.begin("bulk", "bulk")
    clock.now += PATIENCE_S + 0.1

    with admission.places(priority="bulk"):
        assert bodies.lost == ["bulk"]
        with pytest.raises(Overloaded), admission.places(priority="bulk"):
            pass


def test_places_are_counted_right_after_they_were_given_away(
    admission: Admission, bodies: Bodies, clock: Clock
) -> None:
    """A place that was lost is not given back a second time."""
    with ExitStack() as stack:
        slow = Bodies(admission, stack)
        for _ in range(4):
            slow.begin("x")
        clock.now += PATIENCE_S + 0.1
        with admission.places(4):
            assert len(slow.lost) == 4
            stack.close()
            with pytest.raises(Overloaded), admission.places():
                pass
    with admission.places(4), pytest.raises(Overloaded), admission.places():
        pass
    assert bodies.lost == []


def test_a_body_that_is_whole_keeps_its_place(admission: Admission, clock: Clock) -> None:
    """However long the answer takes."""
    with admission.places(4) as place:
        with place.reading(lambda: None):
            pass
        clock.now += 3600
        with pytest.raises(Overloaded), admission.places():
            pass
    assert not place.lost
