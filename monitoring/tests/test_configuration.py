"""What Prometheus and Grafana are configured with."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.processes import ROOT

MONITORING = ROOT / "monitoring"


@pytest.mark.parametrize("targets", ["targets", "compose-targets"])
def test_promtool_accepts_the_configuration(targets: str, promtool: Path, tmp_path: Path) -> None:
    """
    The configuration is valid with the addresses of this machine and with those of the containers.
    """
    (tmp_path / "prometheus.yml").write_text((MONITORING / "prometheus.yml").read_text())
    (tmp_path / "targets").symlink_to(MONITORING / targets)

    checked = subprocess.run(
        [promtool, "check", "config", "--lint-fatal", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "SUCCESS" in checked.stdout
    assert "WARNING" not in checked.stdout + checked.stderr


@pytest.mark.parametrize("targets", ["targets", "compose-targets"])
def test_every_job_has_its_addresses(targets: str) -> None:
    """
    Each job reads one file of addresses, and none is left over.
    """
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    files = [file for job in config["scrape_configs"] for found in job["file_sd_configs"] for file in found["files"]]

    assert sorted(files) == sorted(f"targets/{path.name}" for path in (MONITORING / targets).iterdir())
    assert all(yaml.safe_load(path.read_text())[0]["targets"] for path in (MONITORING / targets).iterdir())


def test_grafana_finds_the_data_source_and_the_dashboards() -> None:
    """
    The data source is the one Prometheus there is, and it knows the scrape interval that $__rate_interval rests on.
    """
    provisioning = MONITORING / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "pulmo.yaml").read_text())["providers"]
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())

    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
