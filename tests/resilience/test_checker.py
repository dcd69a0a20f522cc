"""The checker finds each way in which ledger, history and counters may contradict one another, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.resilience.checker import Row, check_counters, check_history, check_replies
from tests.resilience.counts import Counts
from tests.resilience.faults import Fault
from tests.resilience.ledger import Answer, End, Entry

SAYS: Mapping[str, float] = {"normal": 0.75, "other": 0.25}
ANSWER = Answer("id-1", 3, "normal", SAYS)
GOOD = Entry("r1", 0, 1.0, 1.5, End.REPLIED, 200, named="r1", answer=ANSWER)
REFUSED = Entry("r2", 0, 1.0, 1.1, End.REPLIED, 503, "model-unavailable", "1", "r2")
LOST = Entry("r3", 0, 1.0, 1.1, End.LOST)
LEFT = Entry("r4", 0, 1.0, 1.1, End.LEFT)
UNRECORDED = Entry("r5", 0, 1.0, 1.1, End.REPLIED, 200, named="r5", answer=replace(ANSWER, id="id-5", recorded=False))
UNKNOWN = Entry("r6", 0, 1.0, 1.1, End.REPLIED, 503, "history-unavailable", "1", "r6")
ROW = Row("r1", ANSWER)
QUIET = {"gateway_queue_depth": 0.0}
NOTHING = Counts({}, {}, {}, 0, 0, 0, 0, QUIET)
ONE = Counts({"200": 1}, {}, {"3 normal": 1}, 1, 0, 0, 1, QUIET)
KILLED = Fault(frozenset({"model-unavailable"}), frozenset({End.LOST, End.UNSENT}))


def truth(_image: int, _version: int) -> Mapping[str, float]:
    return SAYS


def of(entry: Entry, name: str) -> Row:
    """Return a right row of a request."""
    return Row(entry.request, replace(ANSWER, id=name))


@pytest.mark.parametrize("entry", [GOOD, REFUSED, LOST, LEFT, replace(LOST, end=End.UNSENT)])
def test_what_a_fault_explains_is_right(entry: Entry) -> None:
    assert check_replies([entry], truth, KILLED) == []


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        pytest.param(replace(LOST, end=End.HUNG), "ended hung", id="no end"),
        pytest.param(LOST, "ended lost", id="a connection that nothing explains to be broken"),
        pytest.param(replace(LOST, end=End.UNSENT), "ended unsent", id="nobody there"),
        pytest.param(REFUSED, "does not explain", id="a refusal that nothing explains"),
        pytest.param(replace(GOOD, named="r9"), "request 'r9'", id="a reply to another request"),
        pytest.param(
            replace(GOOD, answer=replace(ANSWER, probabilities={"normal": 0.7, "other": 0.3})),
            "version 3 says",
            id="the numbers of another image or version",
        ),
        pytest.param(replace(GOOD, answer=replace(ANSWER, label="other")), "most probable", id="another label"),
    ],
)
def test_a_wrong_reply_is_found(entry: Entry, wrong: str) -> None:
    [found] = check_replies([GOOD, entry], truth, Fault())

    assert wrong in found


@pytest.mark.parametrize("told", ["", "soon", "0"])
def test_a_refusal_without_a_time_to_come_again_is_found(told: str) -> None:
    [found] = check_replies([replace(REFUSED, retry_after=told)], truth, KILLED)

    assert "Retry-After" in found


@pytest.mark.parametrize(
    ("entries", "rows"),
    [
        pytest.param([GOOD], [ROW], id="an acknowledged prediction"),
        pytest.param([REFUSED, LOST, LEFT, UNRECORDED, UNKNOWN], [], id="none of those that may lack a row"),
        pytest.param(
            [LOST, LEFT, UNRECORDED, UNKNOWN],
            [of(LOST, "a"), of(LEFT, "b"), of(UNRECORDED, "c"), of(UNKNOWN, "d")],
            id="all of those that may have one",
        ),
    ],
)
def test_a_right_history_is_right(entries: Sequence[Entry], rows: Sequence[Row]) -> None:
    assert check_history(entries, rows, truth) == []


@pytest.mark.parametrize(
    ("entry", "rows", "wrong"),
    [
        pytest.param(GOOD, [], "there is no row", id="acknowledged and not there"),
        pytest.param(GOOD, [ROW, of(GOOD, "id-2")], "2 rows", id="recorded twice"),
        pytest.param(GOOD, [of(GOOD, "id-2")], "its row is", id="under another id"),
        pytest.param(GOOD, [Row("r1", replace(ANSWER, version=4))], "its row is", id="of another version"),
        pytest.param(REFUSED, [of(REFUSED, "a")], "told 503 model-unavailable", id="refused and recorded"),
        pytest.param(
            LOST, [Row("r3", replace(ANSWER, probabilities={"normal": 1.0}))], "says", id="wrong and nobody was told"
        ),
        pytest.param(LEFT, [Row("r8", ANSWER)], "nobody posted", id="a row out of nowhere"),
    ],
)
def test_a_wrong_history_is_found(entry: Entry, rows: Sequence[Row], wrong: str) -> None:
    [found] = check_history([entry], rows, truth)

    assert wrong in found


def test_an_id_that_two_rows_share_is_found() -> None:
    [found] = check_history([LOST, LEFT], [of(LOST, "a"), of(LEFT, "a")], truth)

    assert found == "the id a is there 2 times"


@pytest.mark.parametrize(
    ("entries", "rows", "counts", "torn"),
    [
        pytest.param([GOOD], [ROW], ONE, 0, id="each request once"),
        pytest.param([replace(LOST, end=End.UNSENT)], [], NOTHING, 0, id="nothing of what was not sent"),
        pytest.param([LOST], [], NOTHING, 0, id="lost before it was seen"),
        pytest.param([LOST], [of(LOST, "a")], ONE, 0, id="lost after it was answered"),
        pytest.param([GOOD], [ROW], NOTHING, 1, id="a worker killed between answer and count"),
        pytest.param([GOOD], [ROW], replace(ONE, committed=0, failed=1), 0, id="a commit of which nobody heard"),
    ],
)
def test_right_counts_are_right(entries: Sequence[Entry], rows: Sequence[Row], counts: Counts, torn: int) -> None:
    assert check_counters(entries, rows, counts, torn=torn) == []


@pytest.mark.parametrize(
    ("counts", "wrong"),
    [
        (replace(ONE, requests={}), "requests with status 200: clients saw 1, 0 were counted"),
        (replace(ONE, requests={"200": 2}), "requests with status 200: clients saw 1, 2 were counted"),
        (replace(ONE, problems={"overloaded": 1}), "problems overloaded: clients saw 0, 1 were counted"),
        (replace(ONE, predictions={}), "predictions of 3 normal: clients saw 1, 0 were counted"),
        (replace(ONE, unrecorded=1), "predictions without a row: clients saw 0, 1 were counted"),
        (replace(ONE, committed=0), "1 rows were written; 0 were counted, and 0 as failed"),
        (replace(ONE, committed=2), "1 rows were written; 2 were counted, and 0 as failed"),
        (replace(ONE, batched=0), "1 predictions of 0 images"),
        (replace(ONE, waiting={"gateway_queue_depth": 1.0}), "gateway_queue_depth is still 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_count_is_found(counts: Counts, wrong: str) -> None:
    assert wrong in check_counters([GOOD], [ROW], counts)


def test_rows_that_went_with_their_database_are_counted_with_the_others() -> None:
    assert check_counters([GOOD], [], ONE, gone=1) == []
    assert check_counters([GOOD], [], ONE) == ["0 rows were written; 1 were counted, and 0 as failed"]


def test_one_lost_request_explains_one_count_and_not_one_of_each_kind() -> None:
    counts = replace(ONE, requests={"200": 2, "503": 1})

    assert check_counters([GOOD, LOST], [ROW], counts) == [
        "requests with status in all: 2 more were counted than clients saw, of 1 that may explain it"
    ]
