"""A real Prometheus reads the embedded model server's metrics, whose text is written by us."""

from pathlib import Path

import httpx
import yaml

from monitoring.tests.programs import is_ready, program
from tests.modelserver import serving
from tests.processes import ROOT, eventually, free_port, running

SCRAPE = {
    "job_name": "model-server",
    "scrape_interval": "250ms",
    "metrics_path": "/monitoring/prometheus/metrics",
}


def test_prometheus_reads_what_the_model_server_shows(toy_store: Path, tmp_path: Path) -> None:
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    job = {**SCRAPE, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
    config = ROOT / "serving" / "config" / "monitoring.config"
    command = [
        str(program("prometheus")),
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
    ]

    def value(query: str) -> float | None:
        found = httpx.get(f"http://{address}/api/v1/query", params={"query": query}).json()["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    with (
        serving(toy_store, f"--rest_api_port={port}", f"--monitoring_config_file={config}"),
        running(command, log=tmp_path / "log", ready=lambda: is_ready(f"http://{address}")),
    ):
        body = {"signature_name": "spin", "inputs": 1}
        assert httpx.post(f"http://127.0.0.1:{port}/v1/models/lung:predict", json=body).is_success
        counted = ':tensorflow:serving:request_count{model_name="lung",status="OK"}'
        eventually(lambda: value(counted) == 1, within=30, what="the call is counted")

        assert value('up{job="model-server"}') == 1
        assert value(":tensorflow:serving:request_latency_count") == 1
        assert value('pulmo_serving_version_state{version="1",state="AVAILABLE"}') == 1
        quantile = "histogram_quantile(0.99, :tensorflow:serving:request_latency_bucket)"
        assert (value(quantile) or 0) > 0
