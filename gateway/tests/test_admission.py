"""Who is let in, who is refused at once, and when a refused client is told to come again."""

import pytest
from prometheus_client import CollectorRegistry

from gateway.admission import Admission
from gateway.errors import DeadlineExceeded, EmptyImage, Overloaded
from gateway.metrics import Metrics
from gateway.throughput import Throughput
from tests.clocks import Clock


def admission(limit: int, clock: Clock) -> Admission:
    return Admission(limit, Metrics(CollectorRegistry()), clock)


def answer(admitting: Admission, clock: Clock, images: int, seconds: float) -> None:
    """Answer images one after the other, each in so many seconds."""
    for _ in range(images):
        with admitting.places(), admitting.work():
            clock.now += seconds


def test_places_are_taken_for_the_length_of_a_block_and_free_after_an_error() -> None:
    """One too many is refused, names the limit, and takes nothing."""
    admitting = admission(2, Clock())
    with (
        admitting.places(2),
        pytest.raises(Overloaded, match="PULMO_CONCURRENCY_LIMIT gives this process 2 places"),
        admitting.places(),
    ):
        pass
    with pytest.raises(EmptyImage), admitting.places(2):
        raise EmptyImage("")
    with admitting.places(2):
        pass


def test_who_would_be_answered_too_late_is_refused_at_once_and_told_when_to_come_again() -> None:
    """At ten images a second, the 31st of them has its turn after three seconds."""
    clock = Clock()
    admitting = admission(100, clock)
    answer(admitting, clock, 50, 0.1)
    with admitting.places(30):
        with admitting.places(deadline=clock.now + 3.1):
            pass
        with pytest.raises(Overloaded, match=r"30 images are ahead, so an answer would take 3\.0 s") as refused:
            admitting.places(deadline=clock.now + 0.5).__enter__()

    assert refused.value.retry_after == 3, "2.5 s until the wait is short enough"


def test_a_full_gateway_tells_how_long_its_work_takes() -> None:
    """The longer the queue and the slower the model, the later a client is to come again."""
    clock = Clock()
    admitting = admission(40, clock)
    answer(admitting, clock, 50, 0.1)
    with admitting.places(40), pytest.raises(Overloaded) as refused:
        admitting.places().__enter__()

    assert refused.value.retry_after == 4


def test_bulk_leaves_places_to_interactive_traffic() -> None:
    """A quarter of the places cannot be had by bulk."""
    admitting = admission(8, Clock())
    with admitting.places(6, priority="bulk"):
        with pytest.raises(Overloaded, match="6 for bulk"), admitting.places(priority="bulk"):
            pass
        with admitting.places(2):
            pass


def test_bulk_that_waits_does_not_have_interactive_traffic_refused() -> None:
    """Interactive images have three turns of four, so a full bulk lane is hardly ahead of them."""
    clock = Clock()
    admitting = admission(100, clock)
    answer(admitting, clock, 50, 0.1)
    with admitting.places(70, priority="bulk"):
        with admitting.places(deadline=clock.now + 0.5):
            pass
        with pytest.raises(Overloaded), admitting.places(deadline=clock.now + 0.5, priority="bulk"):
            pass


def test_idle_time_and_slow_clients_do_not_make_the_gateway_seem_slow() -> None:
    """The rate is measured while there is work: neither an empty gateway nor one that reads bodies has any."""
    clock = Clock()
    admitting = admission(100, clock)
    answer(admitting, clock, 50, 0.1)
    with admitting.places():
        clock.now += 1000

    with admitting.places(10):
        assert admitting.expected_wait("interactive") == pytest.approx(1.0, rel=0.01)


def test_deadlines_that_pass_are_no_work_done() -> None:
    """A model that hangs makes the expected wait grow, and one that answers again makes it short again."""
    clock = Clock()
    admitting = admission(100, clock)
    answer(admitting, clock, 50, 0.1)
    work = admitting.work(50)
    work.__enter__()
    clock.now += 20
    work.__exit__(DeadlineExceeded, DeadlineExceeded(""), None)
    with admitting.places():
        assert admitting.expected_wait("interactive") > 1
    answer(admitting, clock, 100, 0.1)
    with admitting.places():
        assert admitting.expected_wait("interactive") < 0.2


def test_work_that_overlaps_is_counted_once() -> None:
    """Two images at a time in 0.2 s each are ten a second."""
    throughput, now = Throughput(), 0.0
    throughput.begin(now)
    for _ in range(100):
        now += 0.2
        throughput.done(2, now)

    assert throughput.rate(now) == pytest.approx(10, rel=0.03)
