"""The history's database goes away under load: the policy counts, nothing acknowledged is lost, it all recovers."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.clients import posting
from tests.disks import small_disk
from tests.gateways import Gateway, serving_gateway
from tests.histories import damage, recorded
from tests.images import pixels, png
from tests.postgresql import Postgres
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted

IMAGES = [png(pixels(seed)) for seed in range(4)]
SOME = 30  # replies


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedServer]:
    with scripted(v1=Version(certain(0))) as server:
        yield server


def kept(reply: httpx.Response) -> bool:
    return reply.status_code == httpx.codes.OK and "recorded" not in reply.json()


def count(replies: Sequence[httpx.Response], *, good: bool) -> int:
    return sum(kept(reply) is good for reply in list(replies))


def outage(gateway: Gateway, begin: Callable[[], None], end: Callable[[], None]) -> list[httpx.Response]:
    """Return the replies to clients that post before, during and after an outage that they notice."""
    with posting(gateway.url, *IMAGES) as replies:
        eventually(lambda: count(replies, good=True) > SOME, within=30, what="predictions are recorded")
        begin()
        eventually(lambda: count(replies, good=False) > 0, within=30, what="the outage shows")
        end()
        before = count(replies, good=True)
        eventually(lambda: count(replies, good=True) > before + SOME, within=30, what="predictions are recorded again")
    return replies


def assert_nothing_lost(gateway: Gateway, url: str, replies: Sequence[httpx.Response], policy: str) -> None:
    rows = recorded(url)
    acknowledged = {reply.json()["id"] for reply in replies if kept(reply)}
    others = [reply for reply in replies if not kept(reply)]
    assert acknowledged <= set(rows)
    assert len(rows) == len(set(rows))
    assert damage(url) == []
    if policy == "required":
        assert {reply.status_code for reply in others} == {503}
        assert {reply.json()["type"] for reply in others} == {"/problems/history-unavailable"}
        assert {reply.headers["retry-after"] for reply in others} == {"1"}
    else:
        assert [reply.json()["recorded"] for reply in others] == [False] * len(others)
        assert gateway.total("history_unrecorded_total") == len(others)


POLICIES = pytest.mark.parametrize("policy", ["required", "best_effort"])


@POLICIES
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["shut down", "crashed"])
def test_postgresql_restarts_under_load(
    model: ScriptedServer, postgresql: Postgres, tmp_path: Path, policy: str, how: signal.Signals
) -> None:
    """The writer and the readers connect again by themselves."""
    url = postgresql.create()
    with serving_gateway(model.target, tmp_path, history=url, history_policy=policy) as gateway:
        replies = outage(gateway, lambda: postgresql.stop(how), postgresql.start)
        page = httpx.get(f"{gateway.url}/history")
        assert_nothing_lost(gateway, url, replies, policy)
        told = gateway.running.output()

    assert page.status_code == httpx.codes.OK
    assert "s3cret" not in told


@POLICIES
def test_a_file_is_locked_for_ten_seconds(model: ScriptedServer, tmp_path: Path, policy: str) -> None:
    """By somebody who does not know of the gateway, as a backup may be."""
    url = f"sqlite:///{tmp_path / 'history.db'}"
    with serving_gateway(model.target, tmp_path, history=url, history_policy=policy) as gateway:
        other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
        began: list[float] = []

        def lock() -> None:
            other.execute("BEGIN IMMEDIATE")
            began.append(time.monotonic())

        def unlock() -> None:
            eventually(lambda: time.monotonic() > began[0] + 10, within=20, what="ten seconds have passed")
            other.execute("ROLLBACK")

        replies = outage(gateway, lock, unlock)
        other.close()
        assert_nothing_lost(gateway, url, replies, policy)


@POLICIES
def test_the_disk_is_full(model: ScriptedServer, tmp_path: Path, policy: str) -> None:
    """Until somebody makes room."""
    with small_disk(tmp_path / "disk") as disk:
        url = f"sqlite:///{disk / 'history.db'}"
        with serving_gateway(model.target, tmp_path, history=url, history_policy=policy) as gateway:

            def fill() -> None:
                with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
                    while True:
                        filler.write(bytes(4096))

            replies = outage(gateway, fill, (disk / "filler").unlink)
            assert_nothing_lost(gateway, url, replies, policy)
