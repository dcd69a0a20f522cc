"""Whether a run was good, judged by its figures."""

from dataclasses import dataclass

from loadtests.load.scenarios import Limits


@dataclass(frozen=True)
class Summary:
    """The figures of a run. A request was answered, refused, or failed."""

    answered: int
    refused: int
    failed: int
    predictions: int
    """Those of the answered requests that had one image classified; the times below are theirs."""
    rate: float
    """Requests answered in a second."""
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    """Percentiles are rounded as Locust does: to two digits that count."""

    @property
    def requests(self) -> int:
        """All of them."""
        return self.answered + self.refused + self.failed

    @property
    def refused_share(self) -> float:
        """The part of the requests that was refused, 0 to 1."""
        return self.refused / self.requests if self.requests else 0.0


def judge(summary: Summary, limits: Limits) -> list[str]:
    """Return in words what was not good enough; nothing of a good run."""
    found = []
    if not summary.predictions:
        found.append("No image was classified")
    if summary.failed:
        found.append(f"{summary.failed} of {summary.requests} requests failed; none may")
    if summary.refused_share > limits.refused:
        found.append(f"{summary.refused_share:.2%} of the requests were refused; the limit is {limits.refused:.2%}")
    if limits.p99_ms is not None and summary.predictions and summary.p99_ms > limits.p99_ms:
        found.append(f"p99 of POST /predict is {summary.p99_ms:.0f} ms; the limit is {limits.p99_ms:.0f} ms")
    if summary.rate < limits.rate:
        found.append(f"{summary.rate:.1f} requests/s were answered; {limits.rate:.1f} are demanded")
    return found
