"""What is said to people about faults is what the scenarios allow."""

from gateway.errors import documented
from tests import resilience
from tests.resilience.faults import FAULTS, Fault
from tests.resilience.ledger import End

ENDS = {End.LOST: "connections that break", End.UNSENT: "nobody who listens"}
NOTHING = "nothing"


def table() -> dict[str, str]:
    """Return the middle column of the table in the package's docstring, by the first one."""
    lines = [line.split(" | ") for line in (resilience.__doc__ or "").splitlines() if line.count(" | ") == 2]
    return {fault.strip(): seen.strip() for fault, seen, _ in lines[1:]}


def words(fault: Fault) -> str:
    """Return what clients may see of a fault, as the table says it."""
    return ", ".join([*sorted(fault.problems), *(ENDS[end] for end in ENDS if end in fault.ends)]) or NOTHING


def test_the_table_says_what_the_scenarios_allow() -> None:
    assert table() == {name: words(fault) for name, fault in FAULTS.items()}


def test_every_problem_that_a_fault_allows_is_documented() -> None:
    """And tells clients when to come again, but for a body that came too slowly."""
    problems = {problem for fault in FAULTS.values() for problem in fault.problems}
    told = {name for name, error in documented().items() if error.retry_after}

    assert problems <= documented().keys()
    assert problems - told <= {"body-timeout"}
