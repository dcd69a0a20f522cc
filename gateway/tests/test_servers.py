"""Several model servers are asked as if they were one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from gateway.backend import VersionStatus
from gateway.errors import ModelUnavailable
from gateway.metrics import Metrics
from gateway.servers import Servers, merge
from tests.clients import posting
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import serving
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.toymodel import LABELS

BODY = png(pixels(3))
IMAGES = [np.zeros((4, 4, 1), np.uint8)]
STATES = ("START", "LOADING", "AVAILABLE", "UNLOADING", "END")
READY = "gateway_model_server_ready"

statuses = st.dictionaries(st.integers(1, 4), st.sampled_from(STATES), max_size=4)


def said(states: dict[int, str]) -> list[VersionStatus]:
    return [VersionStatus(version=number, state=state, error="") for number, state in states.items()]


def states_of(merged: Sequence[VersionStatus]) -> dict[int, str]:
    return {status.version: status.state for status in merged}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({1: "AVAILABLE"}, {1: "AVAILABLE"}, {1: "AVAILABLE"}),
        ({2: "AVAILABLE", 1: "AVAILABLE"}, {2: "LOADING", 1: "AVAILABLE"}, {2: "LOADING", 1: "AVAILABLE"}),
        ({2: "AVAILABLE", 1: "AVAILABLE"}, {1: "AVAILABLE"}, {2: "START", 1: "AVAILABLE"}),
        ({2: "AVAILABLE", 1: "UNLOADING"}, {2: "AVAILABLE", 1: "AVAILABLE"}, {2: "AVAILABLE", 1: "UNLOADING"}),
        ({2: "AVAILABLE", 1: "END"}, {2: "LOADING", 1: "AVAILABLE"}, {2: "AVAILABLE", 1: "AVAILABLE"}),
        ({1: "LOADING"}, {1: "START"}, {1: "START"}),
    ],
    ids=["both", "one is late", "one has not heard", "one is early", "they swap their only version", "none yet"],
)
def test_what_several_servers_have(one: dict[int, str], other: dict[int, str], expected: dict[int, str]) -> None:
    """A version counts where all have it; only where none is that far, those that some have."""
    assert states_of(merge({"a": said(one), "b": said(other)})) == expected


@given(st.lists(statuses, min_size=1, max_size=4))
def test_merging_hides_nothing_and_makes_nothing_up(servers: list[dict[int, str]]) -> None:
    """Each version is listed once, newest first; AVAILABLE only if a server says so, and if all do, certainly."""
    merged = merge({str(n): said(states) for n, states in enumerate(servers)})
    available = {number for number, state in states_of(merged).items() if state == "AVAILABLE"}
    sets = [{number for number, state in states.items() if state == "AVAILABLE"} for states in servers]

    assert [status.version for status in merged] == sorted({n for states in servers for n in states}, reverse=True)
    assert available == (set.intersection(*sets) or set.union(*sets))


def test_an_error_names_its_server_where_there_are_several() -> None:
    """An operator knows where to look."""
    broken = [VersionStatus(version=1, state="END", error="no such file")]

    assert [status.error for status in merge({"unix:a": broken})] == ["no such file"]
    assert [status.error for status in merge({"unix:a": broken, "unix:b": []})] == ["unix:a: no such file"]


def ready(gateway: Gateway, *servers: str) -> bool:
    """Return whether these servers take part, and no others."""
    return {dict(labels)["server"] for labels, value in gateway.samples(READY).items() if value} == set(servers)


def more(replies: Sequence[object], count: int = 30) -> None:
    """Wait for `count` more replies."""
    answered = len(replies)
    eventually(lambda: len(replies) > answered + count, within=60, what=f"{count} more replies")


def test_a_server_killed_under_load_costs_no_request_and_works_again_when_it_is_back(
    toy_store: Path, tmp_path: Path
) -> None:
    """First one, then the other: while one is away all is answered by the other, so the one that came back works."""
    with (
        serving(toy_store) as one,
        serving(toy_store) as other,
        serving_gateway(f"{one.target},{other.target}", tmp_path, model_poll_s="0.1") as gateway,
        posting(gateway.url, BODY) as replies,
    ):
        eventually(lambda: ready(gateway, one.target, other.target), within=30, what="both take part")
        more(replies)
        one.process.kill()
        one.process.wait()
        eventually(lambda: ready(gateway, other.target), within=30, what="the loss is noticed")
        more(replies)
        with serving(toy_store, socket=one.socket):
            eventually(lambda: ready(gateway, one.target, other.target), within=30, what="it takes part again")
            more(replies)
            other.process.kill()
            other.process.wait()
            eventually(lambda: ready(gateway, one.target), within=30, what="the other loss is noticed")
            more(replies)
            answered = [reply.status_code for reply in replies]

    assert {200} == set(answered)


@asynccontextmanager
async def asking(*servers: ScriptedServer) -> AsyncIterator[Servers]:
    """Return both servers as one, all heard of."""
    asked = Servers.connect([server.target for server in servers], "lung", Metrics(CollectorRegistry()))
    try:
        await asked.status()
        yield asked
    finally:
        await asked.close()


async def test_idle_servers_take_turns() -> None:
    """Each gets the same number of calls."""
    with scripted(v1=Version(certain(1))) as one, scripted(v1=Version(certain(1))) as other:
        async with asking(one, other) as servers:
            for _ in range(20):
                await servers.predict(1, IMAGES, 9.0)

    assert (len(one.calls), len(other.calls)) == (10, 10)


async def test_a_server_with_calls_under_way_is_asked_after_one_that_has_fewer() -> None:
    """One that hangs gets no more calls while the other is idle."""
    with scripted(v1=Version(certain(1))) as one, scripted(v1=Version(certain(1))) as other:
        one.versions[1].answers.clear()
        async with asking(one, other) as servers:
            hanging = asyncio.create_task(servers.predict(1, IMAGES, 9.0))
            await asyncio.to_thread(eventually, lambda: len(one.calls) == 1, within=10, what="one call hangs")
            for _ in range(20):
                await servers.predict(1, IMAGES, 9.0)
            one.versions[1].answers.set()
            await hanging

    assert (len(one.calls), len(other.calls)) == (1, 20)


async def test_a_server_that_does_not_have_the_version_is_not_asked_for_it() -> None:
    """They keep one version each, and swap it one after the other."""
    with scripted(v2=Version(certain(2))) as one, scripted(v1=Version(certain(1))) as other:
        async with asking(one, other) as servers:
            for _ in range(10):
                await servers.predict(1, IMAGES, 9.0)
                await servers.predict(2, IMAGES, 9.0)

    assert set(one.calls) == {(2, 1)}
    assert set(other.calls) == {(1, 1)}


async def test_a_server_that_comes_back_takes_no_version_from_the_others_while_it_loads() -> None:
    """A version does not flap because a server starts again and loads one version after the other."""
    versions = {"v1": Version(certain(1)), "v2": Version(certain(2))}
    with scripted(**versions) as one, scripted(v1=Version(certain(1)), v2=Version(certain(2))) as other:
        async with asking(one, other) as servers:
            other.versions[1].fails_with = grpc.StatusCode.UNAVAILABLE
            await servers.predict(1, IMAGES, 9.0)
            with pytest.raises(ModelUnavailable):
                await servers.predict(1, IMAGES, 9.0)
            other.versions[1] = Version(certain(1), state="LOADING")
            loading = states_of(await servers.status())
            for _ in range(10):
                await servers.predict(1, IMAGES, 9.0)
            while_loading = len(other.calls)
            other.versions[1].state = "AVAILABLE"
            loaded = states_of(await servers.status())
            for _ in range(10):
                await servers.predict(1, IMAGES, 9.0)

    assert loading == loaded == {1: "AVAILABLE", 2: "AVAILABLE"}
    assert (while_loading, len(other.calls)) == (1, 6)


def test_a_version_answers_when_the_last_server_has_it_and_not_before(tmp_path: Path) -> None:
    """A rollout in which one server is late neither fails a request nor goes back and forth; both were probed."""
    with (
        scripted(v1=Version(certain(1)), v2=Version(certain(2))) as one,
        scripted(v1=Version(certain(1)), v2=Version(certain(2), state="LOADING")) as late,
        serving_gateway(f"{one.target},{late.target}", tmp_path, max_batch="4") as gateway,
        posting(gateway.url, BODY) as replies,
    ):
        more(replies, 100)
        unchanged = {reply.json()["model_version"] for reply in replies}
        late.versions[2].state = "AVAILABLE"
        eventually(lambda: replies[-1].json()["model_version"] == 2, within=30, what="version 2 answers")
        switched = len(replies)
        more(replies, 100)

    versions = [reply.json()["model_version"] for reply in replies]
    assert {200} == {reply.status_code for reply in replies}
    assert unchanged == {1}
    assert set(versions[switched + 4 :]) == {2}  # four clients may have been under way
    for server in (one, late):
        assert {(2, 1), (2, 2), (2, 4)} <= set(server.calls)


def test_a_version_that_fails_the_probe_at_one_server_is_not_used(tmp_path: Path) -> None:
    """It would fail its share of the requests."""
    broken = Version(certain(2), fails_with=grpc.StatusCode.INTERNAL)
    with (
        scripted(v1=Version(certain(1)), v2=Version(certain(2), state="LOADING")) as one,
        scripted(v1=Version(certain(1)), v2=broken) as other,
        serving_gateway(f"{one.target},{other.target}", tmp_path) as gateway,
    ):
        one.versions[2].state = "AVAILABLE"
        failed = ("gateway_model_version_failures_total", "probe")
        eventually(lambda: gateway.total(failed[0], reason=failed[1]) > 0, within=30, what="the probe failed")
        reply = httpx.post(f"{gateway.url}/predict", content=BODY)
        error = httpx.get(f"{gateway.url}/models").json()["models"][0]["error"]

    assert (reply.status_code, reply.json()["prediction"]) == (200, LABELS[1])
    assert other.target in error


def test_a_server_that_does_not_say_what_it_has_is_taken_at_its_last_word(tmp_path: Path) -> None:
    """No answer is no news of that server, and the others' news count."""
    with (
        scripted(v1=Version(certain(1))) as one,
        scripted(v1=Version(certain(1))) as mute,
        serving_gateway(f"{one.target},{mute.target}", tmp_path) as gateway,
    ):
        eventually(lambda: ready(gateway, one.target, mute.target), within=30, what="both take part")
        mute.says.clear()
        one.versions[2] = Version(certain(2), state="LOADING")

        def seen() -> bool:
            return any(model["version"] == 2 for model in httpx.get(f"{gateway.url}/models").json()["models"])

        eventually(seen, within=30, what="the news of one server")
        reply = httpx.post(f"{gateway.url}/predict", content=BODY)
        both = ready(gateway, one.target, mute.target)

    assert (reply.status_code, reply.json()["model_version"]) == (200, 1)
    assert both
