"""The metrics, as Prometheus and as a client of the JSON see them."""

import httpx

from tests import toymodel
from tests.gateways import Gateway
from tests.images import pixels, png


def test_metrics_are_json_unless_prometheus_asks(gateway: Gateway) -> None:
    """One address for two readers."""
    prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"

    assert httpx.get(f"{gateway.url}/metrics").json()["metrics"]["accuracy"] == 0.9
    assert "# EOF" in httpx.get(f"{gateway.url}/metrics", headers={"Accept": prometheus}).text
    assert "# HELP" in httpx.get(f"{gateway.url}/metrics", headers={"Accept": "text/plain"}).text


def test_the_model_is_known_by_its_own_digest(gateway: Gateway) -> None:
    """JSON and Prometheus show the digest that the trainer gave the model, so equal models are seen to be equal."""
    text = httpx.get(f"{gateway.url}/metrics", headers={"Accept": "text/plain"}).text

    assert httpx.get(f"{gateway.url}/metrics").json()["digest"] == toymodel.DIGEST
    assert f'model_info{{digest="{toymodel.DIGEST}",version="1"}} 1.0' in text


def test_metrics_add_up(gateway: Gateway) -> None:
    """Answered images, rows in batches, predictions by class and rows of the history grow by the same number."""
    names = ("gateway_batch_size_sum", "gateway_predictions_total", "gateway_prediction_confidence_count")
    before = {name: gateway.total(name) for name in names}
    written = gateway.total("history_rows_total", outcome="committed")
    answered = gateway.total("gateway_requests_total", route="/predict", code="200")
    refused = gateway.total("gateway_rejected_total", reason="image-format")

    for seed in range(5):
        httpx.post(f"{gateway.url}/predict", content=png(pixels(seed)))
    httpx.post(f"{gateway.url}/predict", content=b"no")

    assert dict.fromkeys(names, 5.0) == {name: gateway.total(name) - before[name] for name in names}
    assert gateway.total("history_rows_total", outcome="committed") - written == 5
    assert gateway.total("gateway_requests_total", route="/predict", code="200") - answered == 5
    assert gateway.total("gateway_rejected_total", reason="image-format") - refused == 1
    assert gateway.total("gateway_inflight_requests") - 1 == 0  # the scrape itself


def test_unknown_paths_and_methods_make_no_new_labels(gateway: Gateway) -> None:
    """Whoever scans the service cannot fill the memory of Prometheus."""

    def scan(name: str) -> set[tuple[tuple[str, str], ...]]:
        httpx.get(f"{gateway.url}/{name}")
        httpx.request(name.upper(), f"{gateway.url}/{name}")
        httpx.request(name.upper(), f"{gateway.url}/predict")
        gateway.samples("gateway_requests_total")  # a scrape counts itself in the next one
        return set(gateway.samples("gateway_requests_total"))

    before = scan("brew")

    assert set().union(*(scan(f"brew{n}") for n in range(10))) == before
