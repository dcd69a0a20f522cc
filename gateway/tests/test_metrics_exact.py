"""The gateway's counters agree with each other and with what its clients saw, whatever these do."""

import itertools
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.clients import sending
from tests.gateways import Gateway, serving_gateway
from tests.laws import at_rest, broken
from tests.ledgers import Ledger, Request
from tests.processes import eventually
from tests.scrapes import Scrape
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.visits import ANSWERED, ASKED, IMAGE, REFUSED, Visit, batch, infer, predict
from tests.workers import workers_of

CLIENTS = 12
PLACES = 8
LIMIT_S = 60  # that a busy machine gets
SERVERS = {
    "granian": {"server": "granian"},
    "two workers": {"server": "granian", "workers": "2"},
    "uvicorn": {"server": "uvicorn"},
}
LEAVING = (0, 1, 100, 10**6)  # bytes of their body that clients have not sent when they leave


@dataclass
class Counted:
    """A gateway with few places, and all that its clients did since `before`."""

    gateway: Gateway
    model: ScriptedServer
    before: Scrape
    ledger: Ledger

    @property
    def version(self) -> Version:
        """The one version."""
        return self.model.versions[1]

    def growth(self) -> Scrape:
        """Return by how much everything grew."""
        return self.gateway.scrape() - self.before

    def make(self, visits: Sequence[Visit]) -> None:
        """Let one client make these visits."""
        with httpx.Client(base_url=self.gateway.url, timeout=LIMIT_S) as client:
            for visit in visits:
                visit.make(client, self.ledger)

    def check(self) -> Scrape:
        """Wait until all laws hold, which each answer may precede by a moment; return what was counted."""
        growth = self.growth()

        def hold() -> bool:
            nonlocal growth
            growth = self.growth()
            return broken(growth, self.ledger) == []

        try:
            eventually(hold, within=LIMIT_S / 3, what="the laws hold")
        except TimeoutError:
            assert broken(growth, self.ledger) == []
        return growth


@pytest.fixture(params=list(SERVERS))
def counted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counted]:
    """Return a gateway that nobody has asked for anything."""
    settings = {**SERVERS[request.param], "concurrency_limit": str(PLACES), "max_body_bytes": "30000"}
    with (
        scripted(v1=Version(certain(0))) as model,
        serving_gateway(model.target, tmp_path, body_timeout_s="300", **settings) as gateway,
    ):
        eventually(lambda: all_answer(gateway, settings), within=LIMIT_S, what="all workers answer")
        model.calls.clear()  # what tried the version
        yield Counted(gateway, model, gateway.scrape(), Ledger())
        model.versions[1].answers.set()
        assert "Traceback" not in gateway.running.output()


def all_answer(gateway: Gateway, settings: dict[str, str]) -> bool:
    scrape = gateway.scrape()
    workers = int(settings.get("workers", "1"))
    there = workers == 1 or len(workers_of(gateway)) == workers
    ready = scrape.total("gateway_backend_ready") == 1
    return there and ready and at_rest(scrape) and scrape.total("gateway_concurrency_limit") == PLACES


def test_a_mixed_load_is_counted_request_for_request(counted: Counted) -> None:
    """Answers and problems of every kind, by many clients at once: each counter is what the clients' ledger says."""
    rounds = [random.Random(seed).sample([*ANSWERED, *REFUSED, *ASKED], k=20) for seed in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(counted.make, rounds))

    growth = counted.check()

    ledger = counted.ledger
    assert growth.by("gateway_rejected_total", "reason") == ledger.problems()
    assert growth.by("gateway_image_rejects_total", "reason") == ledger.refused()
    assert growth.total("gateway_predictions_total") == ledger.answered() > 0
    assert growth.total("gateway_batch_size_sum") == ledger.answered()
    assert len(counted.model.calls) == growth.total("gateway_backend_rpcs_total", code="OK")
    assert sum(images for _, images in counted.model.calls) == ledger.answered()
    with httpx.Client(base_url=counted.gateway.url) as client:
        assert len(list(identities(client))) == ledger.answered()


def identities(client: httpx.Client) -> Iterator[str]:
    """Return the identities of all predictions in the history."""
    after: dict[str, int] = {}
    while True:
        page = client.get("/history", params={"limit": 500, **after}).json()
        yield from (entry["id"] for entry in page["history"])
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def test_refusals_of_a_full_gateway_and_expired_requests_are_counted(counted: Counted) -> None:
    """While the model hangs: 429 where no place is free, 504 where the time is up; afterwards those who waited: 200."""
    counted.version.answers.clear()
    kinds = (predict(IMAGE), batch(IMAGE, IMAGE), infer(1), predict(IMAGE, X_Request_Timeout="1"))
    visits = [[visit] for visit in itertools.islice(itertools.cycle(kinds), 4 * PLACES)]
    with ThreadPoolExecutor(len(visits)) as pool:
        made = [pool.submit(counted.make, visit) for visit in visits]
        eventually(lambda: refused(counted.ledger, 429), within=LIMIT_S, what="no place is free")
        eventually(lambda: refused(counted.ledger, 504), within=LIMIT_S, what="a request's time is up")
        counted.version.answers.set()
        for each in made:
            each.result()

    growth = counted.check()

    assert growth.by("gateway_rejected_total", "reason") == counted.ledger.problems()
    assert growth.total("gateway_predictions_total") == counted.ledger.answered()
    assert {request.status for request in counted.ledger.requests} == {200, 429, 504}


def refused(ledger: Ledger, status: int) -> bool:
    return any(request.status == status for request in ledger.requests)


def test_clients_that_leave_at_any_point_are_counted(counted: Counted) -> None:
    """Before their body, in it, or while they wait or are answered, beside others that stay."""
    leaving = (predict(IMAGE), batch(IMAGE, b"no image", IMAGE), infer(3))

    def leave(number: int) -> None:
        for visit in leaving:
            visit.leave(counted.gateway.url, counted.ledger, unsent=LEAVING[number % len(LEAVING)])

    with ThreadPoolExecutor(CLIENTS) as pool:
        stayed = pool.submit(counted.make, [*ANSWERED, *REFUSED])
        list(pool.map(leave, range(4 * CLIENTS)))
        stayed.result()
        counted.make([predict(IMAGE)])

    counted.check()


def test_those_who_leave_while_they_wait_are_counted_as_gone(counted: Counted) -> None:
    """Each of them is a request with status 499; the calls for them are counted as cancelled."""
    counted.version.answers.clear()
    with closing(sending(counted.gateway.url, IMAGE)):
        eventually(lambda: len(counted.model.calls) == 1, within=LIMIT_S, what="the model is asked")
    counted.ledger.add(Request("POST", "/predict", None, sent=1))

    growth = counted.check()

    assert growth.total("gateway_requests_total", route="/predict", code="499") == 1
    assert growth.by("gateway_backend_rpcs_total", "code") == {("CANCELLED",): 1}
    assert growth.total("gateway_predictions_total") == 0


def test_calls_that_fail_are_counted_call_for_call(counted: Counted) -> None:
    """A model that fails, refuses a row, or is gone: batches, halves of them and retries add up to the calls.

    Where one row of a question fails, the calls for its others may be cancelled before the model has seen them.
    """
    counted.make([infer(4)])
    counted.version.fails_with = grpc.StatusCode.INTERNAL
    counted.make([infer(4), predict(IMAGE), batch(IMAGE, IMAGE)])
    counted.version.fails_with = grpc.StatusCode.UNAVAILABLE
    counted.make([infer(4), predict(IMAGE)])
    counted.version.fails_with = None
    counted.version.answer = refuse_several
    eventually(lambda: asked_and_halved(counted), within=LIMIT_S, what="a batch of several is refused")
    counted.version.state = "END"
    eventually(lambda: counted.gateway.total("gateway_backend_ready") == 0, within=LIMIT_S, what="it is gone")
    counted.make([predict(IMAGE), batch(IMAGE, IMAGE)])

    growth = counted.check()

    calls = growth.by("gateway_backend_rpcs_total", "code")
    cancelled = calls.pop(("CANCELLED",), 0)
    assert calls.total() <= len(counted.model.calls) <= calls.total() + cancelled
    assert set(calls) == {("OK",), ("INTERNAL",), ("UNAVAILABLE",), ("INVALID_ARGUMENT",)}
    assert {200, 502, 503} <= {request.status for request in counted.ledger.requests}


def asked_and_halved(counted: Counted) -> bool:
    """Ask, and return whether images have gone together, which is up to chance."""
    counted.make([batch(IMAGE, IMAGE, IMAGE), infer(4)])
    return counted.gateway.total("gateway_bisections_total") > 0


def refuse_several(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Answer as a model that takes one image at a time."""
    if len(images) > 1:
        raise ValueError("one image at a time")
    return certain(0)(images)
