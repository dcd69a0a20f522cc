"""How often a key may be used: no more than is set over any time, and as soon again as is told."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.keys import new_key
from gateway.access.rates import Rates
from gateway.settings import Settings, SettingsError, read_settings
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import eventually

IMAGE = png(pixels(1))
FIRST, FIRST_KEY = new_key("first", ["predict"])
SECOND, SECOND_KEY = new_key("second", ["predict"])
TWIN, TWIN_KEY = new_key("first", ["predict"])


@given(
    rate=st.floats(0.01, 1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 10), min_size=1, max_size=200),
)
def test_no_span_of_time_sees_more_than_the_burst_and_the_rate(rate: float, burst: int, pauses: list[float]) -> None:
    """Whenever requests come: between any two moments no more pass than the burst and what the rate gives."""
    rates, moments = Rates(rate, burst), list(itertools.accumulate(pauses))

    passed = [now for now in moments if rates.take("a", now) == 0]

    assert passed[0] == moments[0]
    for first, begin in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert count <= burst + (end - begin) * rate + 1e-6


@given(rate=st.floats(0.01, 1000), burst=st.integers(1, 50))
def test_who_waits_as_told_is_let_in(rate: float, burst: int) -> None:
    """A full bucket gives the whole burst, then the wait is one token's time, and no shorter one would do."""
    rates = Rates(rate, burst)

    assert [rates.take("a", 0.0) for _ in range(burst)] == [0.0] * burst
    wait = rates.take("a", 0.0)
    assert wait == pytest.approx(1 / rate)
    assert rates.take("a", wait / 2) > 0
    assert rates.take("a", wait) == 0
    assert rates.take("a", wait) > 0


def test_names_do_not_share_a_bucket() -> None:
    """One that asks too often costs the others nothing."""
    rates = Rates(1, 1)

    assert [rates.take(name, 0.0) for name in ("a", "b", "a")] == [0.0, 0.0, 1.0]


def test_what_is_kept_is_bounded_by_who_is_active() -> None:
    """Buckets that are full again are forgotten, and nobody is let in too often for that."""
    rates = Rates(1, 2)
    rates.take("busy", 9_999.0)
    rates.take("busy", 9_999.0)
    for number in range(10_000):
        rates.take(f"name {number}", float(number))

    assert len(rates) <= 1024
    assert rates.take("busy", 9_999.5) > 0


@pytest.fixture(params=["granian", "uvicorn"])
def limited(request: pytest.FixtureRequest, model_server: ModelServer, tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway that lets each name in three times, and then once in a thousand seconds."""
    keys = " ".join(key.line() for key in (FIRST_KEY, SECOND_KEY, TWIN_KEY))
    settings = {"server": request.param, "api_keys": keys, "rate_limit": "0.001", "rate_burst": "3"}
    with serving_gateway(model_server.target, tmp_path, **settings) as gateway:
        yield gateway


def test_a_key_that_is_used_too_often_waits_alone(limited: Gateway) -> None:
    """It is refused before its body is read and told when to come; two keys of one name count together."""
    replies = [
        httpx.post(f"{limited.url}/predict", content=IMAGE, headers={"X-API-Key": secret})
        for secret in (FIRST, TWIN, FIRST, TWIN, FIRST)
    ]
    other = httpx.post(f"{limited.url}/predict", content=IMAGE, headers={"X-API-Key": SECOND})

    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
    assert {reply.json()["type"] for reply in replies[3:]} == {"/problems/rate-limited"}
    assert {990 < int(reply.headers["retry-after"]) <= 1000 for reply in replies[3:]} == {True}
    assert {reply.headers["connection"] for reply in replies[3:]} == {"close"}
    assert other.status_code == 200
    assert httpx.get(f"{limited.url}/health").status_code == 200
    metrics = httpx.get(f"{limited.url}/metrics", headers={"X-API-Key": SECOND, "Accept": "text/plain"}).text
    assert 'gateway_access_total{outcome="rate"} 2.0' in metrics
    logged = [line for line in limited.running.output().splitlines() if "status=429" in line]
    assert ["caller=first" in line for line in logged] == [True, True]


def test_a_client_that_comes_again_when_told_is_answered(model_server: ModelServer, tmp_path: Path) -> None:
    """The limit passes by itself."""
    settings = {"api_keys": FIRST_KEY.line(), "rate_limit": "2", "rate_burst": "1"}
    with serving_gateway(model_server.target, tmp_path, **settings) as gateway:

        def status() -> int:
            return httpx.get(f"{gateway.url}/models", headers={"X-API-Key": FIRST}).status_code

        assert [status(), status()] == [200, 429]
        eventually(lambda: status() == 200, within=10, what="it is let in again")


def test_workers_share_the_rate_and_a_rate_needs_keys() -> None:
    """Like every bound of the gateway; a limit that would limit nobody is refused."""
    part = Settings(workers=4, rate_limit=10.0, rate_burst=2).of_one_worker(cores=2)

    assert math.isclose(part.rate_limit, 2.5)
    assert part.rate_burst == 1
    with pytest.raises(SettingsError, match=r"PULMO_RATE_LIMIT is 5 and there are no API keys"):
        read_settings({"PULMO_RATE_LIMIT": "5"}, Path("/nonexistent"))
