"""What is made of counters."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from dashboard.client.gateway import GatewayClient
from dashboard.client.prometheus import PrometheusClient
from dashboard.figures import Counts, figures, quantile, read_counts
from dashboard.traffic import OwnTraffic
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import eventually

IMAGE = png(pixels(3))
INFINITE = float("inf")


def test_what_a_gateway_did_shows_in_its_counters(gateway: Gateway) -> None:
    """
    Images that were answered are counted, with their times; a question without a body is no traffic.
    """
    scrape = {"Accept": "text/plain"}
    before = read_counts(httpx.get(f"{gateway.url}/metrics", headers=scrape).text, at=10.0)
    for _ in range(3):
        httpx.post(f"{gateway.url}/predict", content=IMAGE).raise_for_status()
    after = read_counts(httpx.get(f"{gateway.url}/metrics", headers=scrape).text, at=20.0)

    found = figures(before, after)

    assert found.images_per_s == pytest.approx(0.3)
    assert found.p50_s is not None
    assert found.p99_s is not None
    assert 0 < found.p50_s <= found.p99_s
    assert (found.refused, found.failed) == (0, 0)
    assert after.limit > 0
    assert after.servers
    assert all(after.servers.values())


def test_refusals_and_failures_are_told_apart() -> None:
    """
    429 and 503 are refusals; other 5xx are failures; a wrong request is neither.
    """
    found = figures(Counts(at=0), Counts(at=10, codes={"200": 4, "429": 2, "503": 1, "500": 1, "504": 1, "415": 1}))

    assert found.refused == pytest.approx(0.3)
    assert found.failed == pytest.approx(0.2)


def test_without_a_request_there_is_no_share_and_no_time() -> None:
    """
    Nothing is not 0 %.
    """
    found = figures(
        Counts(at=0, codes={"200": 7}, buckets={INFINITE: 7}), Counts(at=5, codes={"200": 7}, buckets={INFINITE: 7})
    )

    assert (found.refused, found.failed, found.p50_s, found.p99_s) == (None, None, None, None)
    assert found.images_per_s == 0


def test_a_gateway_that_was_started_again_has_no_negative_traffic() -> None:
    """
    A counter that has fallen counts from zero.
    """
    assert figures(Counts(at=0, images=100), Counts(at=10, images=20)).images_per_s == 2


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, 0.1), (0.25, 0.05), (0.75, 0.3), (1.0, 0.5)],
    ids=["a bound", "within the first", "within the second", "beyond the last bound"],
)
def test_a_quantile_lies_between_the_bounds_of_its_bucket(share: float, expected: float) -> None:
    """
    It is interpolated as Prometheus does it: linear within a bucket, the last bound where it lies beyond.
    """
    assert quantile({0.1: 50, 0.5: 100, INFINITE: 100 if share < 1 else 101}, share) == pytest.approx(expected)


def test_prometheus_and_the_gateway_itself_tell_the_same(gateway: Gateway, prometheus_url: str) -> None:
    """
    What is read from either has the same places and servers, and the same requests once they are scraped.
    """
    with httpx.Client() as http:
        prometheus = PrometheusClient(http, prometheus_url)

        def has_seen_images() -> bool:
            httpx.post(f"{gateway.url}/predict", content=IMAGE).raise_for_status()
            return prometheus.recent()[1].images > 0

        eventually(has_seen_images, within=60, what="Prometheus has seen images")
        _, recorded = prometheus.recent()
        own = OwnTraffic(GatewayClient(http, gateway.url)).report().now

        assert recorded.servers == own.servers
        assert recorded.limit == own.limit
        assert recorded.codes.keys() <= own.codes.keys()
        assert recorded.buckets.keys() == own.buckets.keys()
        assert prometheus.course(time.time())


def test_many_who_look_ask_the_gateway_once(model_server: ModelServer, tmp_path: Path) -> None:
    """
    A report that is a few seconds old is shown again; after that the gateway is asked, and there are figures.
    """
    moment = 100.0
    with serving_gateway(model_server.target, tmp_path) as gateway, httpx.Client() as http:
        traffic = OwnTraffic(GatewayClient(http, gateway.url), clock=lambda: moment)
        first = traffic.report()
        asked = gateway.total("gateway_requests_total", route="/metrics")
        again = [traffic.report() for _ in range(10)]
        moment += 5
        later = traffic.report()
        more = gateway.total("gateway_requests_total", route="/metrics") - asked

    assert first.figures is None
    assert all(report.now is first.now for report in again)
    assert more <= 3  # the last report, and at most the two looks at the counter
    assert later.figures is not None
    assert later.figures.seconds == 5


def test_many_who_ask_at_once_ask_the_gateway_once(gateway: Gateway) -> None:
    """
    Pages of many visitors draw themselves in threads of their own, often at the same moment.
    """
    before = gateway.total("gateway_requests_total", route="/models")
    with httpx.Client() as http, ThreadPoolExecutor(16) as pool:
        client = GatewayClient(http, gateway.url)
        answers = list(pool.map(lambda _: client.models(), range(64)))

    assert gateway.total("gateway_requests_total", route="/models") - before == 1
    assert all(answer is answers[0] for answer in answers)
