"""What the load generator says of itself."""

from collections import Counter

from loadtests.load.generator import Generator, Reading, describe
from loadtests.load.tally import Tally


def test_an_idle_generator_has_nothing_to_warn_of() -> None:
    """
    A tenth of a core, and hardly late.
    """
    described = describe([Reading(1.0, 10.0, Counter({0: 98, 2: 2}))])

    assert described == {"processes": 1, "cores": 0.1, "busiest": 0.1, "late_p99_ms": 2, "warnings": []}


def test_a_saturated_generator_is_said_to_be_so() -> None:
    """
    One of several processes that is at its limit is enough, though they are not on average.
    """
    described = describe([Reading(9.5, 10.0), Reading(1.0, 10.0)])

    assert described["warnings"] == ["the generator used 95% of a core: it measured itself; start more processes"]
    assert (described["cores"], described["busiest"]) == (1.05, 0.95)


def test_a_late_generator_is_said_to_be_so() -> None:
    """
    Its own delay is in each latency that it measures, also where others kept it from the processor.
    """
    [warning] = describe([Reading(1.0, 10.0, Counter({0: 90, 250: 10}))])["warnings"]

    assert "up to 250 ms late" in warning


def test_a_reading_survives_its_way_to_the_master() -> None:
    """
    Through MessagePack and JSON, which have no counters.
    """
    reading = Reading(1.5, 10.0, Counter({0: 9, 12: 1}))

    assert Reading.from_message(reading.to_message()) == reading


def test_a_generator_that_works_is_seen_to_work() -> None:
    """
    Its processor time and its beats are counted from its start to its end.
    """
    generator = Generator()
    generator.start()
    total = sum(range(3_000_000))

    generator.stop()
    reading = generator.read()

    assert total > 0
    assert reading.cpu_s > 0
    assert reading == generator.read()
    assert reading.share > 0


def test_what_a_worker_tells_replaces_what_it_told_before() -> None:
    """
    Each tells all that it has counted so far, so a report that comes twice or not at all changes nothing.
    """
    master, worker = Tally(), Tally()
    for _ in range(2):
        worker.count("/predict", "POST", "200")
        master.hear("one", worker.to_message())
        master.hear("one", worker.to_message())
    master.hear("two", worker.to_message())

    assert list(master.counts().values()) == [4]
    assert len(master.readings()) == 2
