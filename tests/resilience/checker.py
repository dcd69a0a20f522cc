"""Whether a ledger, the history and the counters tell one story; pure. Each function returns what contradicts it.

A request whose client left, or whose connection broke, may have been answered and recorded or not: of these alone
nobody can know. All others are accounted for one by one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.resilience.counts import Counts
from tests.resilience.faults import Fault
from tests.resilience.ledger import Answer, End, Entry

Truth = Callable[[int, int], Mapping[str, float]]
"""From the index of an image and a version to the probabilities that this version gives it."""

_TOLERANCE = 1e-4
_TOLD_WHEN = frozenset({429, 503})  # statuses with which a client is always told when to come again
_UNKNOWN = "history-unavailable"  # a commit whose end nobody heard of may have happened


@dataclass(frozen=True)
class Row:
    """A prediction in the history."""

    request: str
    """The name of the file that was posted."""
    answer: Answer


def check_replies(entries: Sequence[Entry], truth: Truth, fault: Fault) -> list[str]:
    """Compare what clients saw with what they may see of a fault, and each prediction with what its version says."""
    return [f"{entry.request}: {wrong}" for entry in entries for wrong in _wrong_of(entry, truth, fault)]


def _wrong_of(entry: Entry, truth: Truth, fault: Fault) -> Iterator[str]:
    if entry.end in (End.HUNG, *({End.LOST, End.UNSENT} - fault.ends)):
        yield f"ended {entry.end.value} after {entry.latency_s:.1f} s"
    if entry.end is not End.REPLIED:
        return
    if entry.named != entry.request:
        yield f"the reply is that of the request {entry.named!r}"
    if entry.answer is not None:
        yield from _wrong_about(entry.answer, truth(entry.image, entry.answer.version))
    elif entry.problem not in fault.problems:
        yield f"status {entry.status} {entry.problem}, which this fault does not explain"
    if entry.status in _TOLD_WHEN and not (entry.retry_after.isdecimal() and int(entry.retry_after) >= 1):
        yield f"status {entry.status} with Retry-After {entry.retry_after!r}"


def _wrong_about(answer: Answer, wanted: Mapping[str, float]) -> Iterator[str]:
    given = answer.probabilities
    if given.keys() != wanted.keys() or any(abs(given[label] - wanted[label]) > _TOLERANCE for label in wanted):
        yield f"version {answer.version} says {dict(wanted)}, not {dict(given)}"
    elif answer.label != max(given, key=lambda label: given[label]):
        yield f"the label {answer.label} is not the most probable one of {dict(given)}"


def check_history(entries: Sequence[Entry], rows: Sequence[Row], truth: Truth) -> list[str]:
    """Compare a ledger with the history: what was acknowledged is there once and as it was told, and nothing else.

    Beside it there may be rows of requests of which no client knows the end.
    """
    ids = Counter(row.answer.id for row in rows)
    found = [f"the id {name} is there {count} times" for name, count in ids.items() if count > 1]
    by_request: dict[str, list[Row]] = {entry.request: [] for entry in entries}
    for row in rows:
        if row.request in by_request:
            by_request[row.request].append(row)
        else:
            found.append(f"{row.request} has a row, and nobody posted it")
    return found + [
        f"{entry.request}: {wrong}"
        for entry in entries
        for wrong in _wrong_rows(entry, by_request[entry.request], truth)
    ]


def _wrong_rows(entry: Entry, rows: Sequence[Row], truth: Truth) -> Iterator[str]:
    acknowledged = entry.answer if entry.answer is not None and entry.answer.recorded else None
    if len(rows) > 1:
        yield f"there are {len(rows)} rows"
    elif acknowledged is not None and not rows:
        yield f"it was acknowledged as {acknowledged.id}, and there is no row"
    elif acknowledged is not None and rows[0].answer != acknowledged:
        yield f"its answer was {acknowledged}, and its row is {rows[0].answer}"
    elif acknowledged is None and rows:
        if not _may_have_a_row(entry):
            yield f"there is a row, and its client was told {entry.status} {entry.problem}"
        yield from _wrong_about(rows[0].answer, truth(entry.image, rows[0].answer.version))


def _may_have_a_row(entry: Entry) -> bool:
    """Return whether it may have been recorded without the client having been told so."""
    return entry.is_uncertain or entry.problem == _UNKNOWN or entry.answer is not None


def check_counters(
    entries: Sequence[Entry], rows: Sequence[Row], counts: Counts, *, torn: int = 0, gone: int = 0
) -> list[str]:
    """Compare a ledger and its rows with what a gateway counted that was new when the first of the requests came.

    Args:
        entries: all requests that it may have seen.
        rows: of the history; those of other requests do not count.
        counts: at rest, when all of the requests had ended.
        torn: requests that a worker of it may have answered and not counted, since it was killed in between.
        gone: rows of these requests that went with their database.
    """
    uncertain = sum(entry.is_uncertain for entry in entries)
    replied = [entry for entry in entries if entry.end is End.REPLIED]
    answers = [entry.answer for entry in replied if entry.answer is not None]
    names = {entry.request for entry in entries}
    written = gone + sum(row.request in names for row in rows)
    seen: tuple[tuple[str, Mapping[str, int], Mapping[str, float]], ...] = (
        ("requests with status", Counter(str(entry.status) for entry in replied), counts.requests),
        ("problems", Counter(entry.problem for entry in replied if entry.problem), counts.problems),
        ("predictions of", Counter(f"{answer.version} {answer.label}" for answer in answers), counts.predictions),
        ("predictions without a row", {"": sum(not answer.recorded for answer in answers)}, {"": counts.unrecorded}),
    )
    found = [wrong for what, told, counted in seen for wrong in _apart(what, told, counted, uncertain, torn)]
    if not counts.committed - torn <= written <= counts.committed + counts.failed + torn:
        found.append(f"{written} rows were written; {counts.committed:g} were counted, and {counts.failed:g} as failed")
    if counts.batched + torn < sum(counts.predictions.values()):
        found.append(f"{sum(counts.predictions.values()):g} predictions of {counts.batched:g} images")
    return found + [f"{name} is still {value:g}" for name, value in counts.waiting.items() if value]


def _apart(
    what: str, told: Mapping[str, int], counted: Mapping[str, float], uncertain: int, torn: int
) -> Iterator[str]:
    """Find what was told more often than it was counted, or counted more often than somebody can have been told."""
    for name in sorted(told.keys() | counted.keys()):
        clients, gateway = told.get(name, 0), counted.get(name, 0)
        if not clients - torn <= gateway <= clients + uncertain:
            yield f"{what} {name}: clients saw {clients}, {gateway:g} were counted".replace(" :", ":")
    surplus = sum(counted.values()) - sum(told.values())
    if surplus > uncertain:
        yield f"{what} in all: {surplus:g} more were counted than clients saw, of {uncertain} that may explain it"
