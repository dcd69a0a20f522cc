"""The client's rules, which need no gateway: how images are packed, and when a refusal is outlasted."""

from email.utils import formatdate

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.calls import problem_of
from gateway.client.failures import Broken, GatewayProblem, NotUnderstood, ProblemDocument, Unreachable
from gateway.client.images import Limits, Packer
from gateway.client.patience import Patience

PROBLEM = b'{"type": "/problems/overloaded", "title": "Full", "status": 429, "detail": "later", "more": 1}'


def refusal(status: int, retry_after: float | None = None) -> GatewayProblem:
    return GatewayProblem(ProblemDocument(status=status), retry_after)


def reply(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=body, headers=named, request=httpx.Request("GET", "http://x/y"))


@given(st.lists(st.integers(0, 50)), st.integers(1, 5), st.integers(1, 60), st.integers(0, 3))
def test_nothing_is_lost_in_packing_and_no_request_is_too_large(
    sizes: list[int], files: int, size: int, more: int
) -> None:
    """Every item is in one request, in its order; a request has more than its bytes only where it has one item."""
    packer = Packer[tuple[int, int]](Limits(files, size))
    requests = [packer.add(item, item[1]) for item in enumerate(sizes)] + [packer.rest() for _ in range(more + 1)]

    assert [item for request in requests for item in request] == list(enumerate(sizes))
    for request in filter(None, requests):
        assert len(request) <= files
        assert len(request) == 1 or sum(item[1] for item in request) <= size


@given(st.integers(1, 60), st.floats(0, 100), st.floats(0.1, 100), st.none() | st.floats(0, 100), st.floats(0, 0.999))
def test_no_pause_ends_after_the_time_is_over(
    attempt: int, elapsed: float, total: float, retry_after: float | None, draw: float
) -> None:
    """And none is shorter than the gateway asked for."""
    pause = Patience(total).pause(refusal(429, retry_after), attempt, elapsed, draw)

    if pause is not None:
        assert pause > 0
        assert pause >= (retry_after or 0)
        assert elapsed + pause < total


def test_pauses_grow_and_differ() -> None:
    """Clients that were refused together do not come again together."""
    patience = Patience(1000)
    pauses = [patience.pause(refusal(503), attempt, 0, 0.5) or 0 for attempt in range(1, 12)]

    assert pauses == sorted(pauses)
    assert pauses[-1] <= 10
    assert len({patience.pause(refusal(503, 1), 3, 0, draw) for draw in (0.1, 0.5, 0.9)}) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 422, 500, 502, 504])
def test_what_will_not_pass_is_not_repeated(status: int) -> None:
    """Nor what may have been done."""
    assert Patience(60).pause(refusal(status, 1), 1, 0, 0.5) is None


def test_a_broken_connection_is_tried_again_a_few_times() -> None:
    """A gateway that is away is not waited for."""
    patience = Patience(1000)
    pauses = [patience.pause(Broken(), attempt, 0, 0.5) for attempt in range(1, 10)]

    assert [pause is not None for pause in pauses] == [True] * 3 + [False] * 6
    assert patience.pause(Unreachable(), 1, 0, 0.5) is None
    assert patience.pause(NotUnderstood(), 1, 0, 0.5) is None


def test_a_problem_is_read_whoever_answers() -> None:
    """The gateway's document, a proxy's page, or a document that is none."""
    ours = problem_of(reply(429, PROBLEM, content_type="application/problem+json", retry_after="2"))
    page = problem_of(reply(503, b"<html>", content_type="text/html"))
    broken = problem_of(reply(502, b"{", content_type="application/problem+json", retry_after="soon"))

    assert (ours.name, ours.title, ours.detail, ours.retry_after) == ("overloaded", "Full", "later", 2.0)
    assert (page.type, page.title, page.status, page.retry_after) == ("about:blank", "Service Unavailable", 503, None)
    assert (broken.status, broken.retry_after) == (502, None)


def test_retry_after_may_be_a_date() -> None:
    """HTTP has both; a date that is past means now."""
    assert problem_of(reply(503, retry_after=formatdate(0, usegmt=True))).retry_after == 0
    assert (problem_of(reply(503, retry_after=formatdate(4e9, usegmt=True))).retry_after or 0) > 1000
