"""What Prometheus and Grafana are configured with."""

import subprocess
from pathlib import Path
from typing import get_args

import pytest
import yaml

from monitoring.rules import Severity
from monitoring.tests.programs import program
from tests.processes import ROOT

MONITORING = ROOT / "monitoring"


@pytest.mark.parametrize("targets", ["targets", "compose-targets"])
def test_promtool_accepts_the_configuration(targets: str, promtool: Path, tmp_path: Path) -> None:
    """
    The configuration is valid with the addresses of this machine and with those of the containers.
    """
    (tmp_path / "prometheus.yml").write_text((MONITORING / "prometheus.yml").read_text())
    (tmp_path / "targets").symlink_to(MONITORING / targets)
    (tmp_path / "rules").symlink_to(MONITORING / "rules")

    checked = subprocess.run(
        [promtool, "check", "config", "--lint-fatal", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "SUCCESS" in checked.stdout
    assert "WARNING" not in checked.stdout + checked.stderr


@pytest.mark.parametrize(("targets", "absent"), [("targets", {"alertmanager", "host"}), ("compose-targets", set())])
def test_every_job_has_its_addresses(targets: str, absent: set[str]) -> None:
    """
    Each job, and whoever is told of alerts, has one file of addresses, and none is left over; what a local run does not
    start has a file that names nothing.
    """
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    readers = [*config["scrape_configs"], *config["alerting"]["alertmanagers"]]
    files = [file for reader in readers for found in reader["file_sd_configs"] for file in found["files"]]
    addresses = {path.stem: yaml.safe_load(path.read_text()) for path in (MONITORING / targets).iterdir()}

    assert sorted(files) == sorted(f"targets/{name}.yaml" for name in addresses)
    assert {name for name, given in addresses.items() if not given} == absent


def test_amtool_accepts_the_configuration_of_alertmanager() -> None:
    """
    Every route leads to a receiver, and each severity that an alert can have to one of its own.
    """
    amtool = str(program("amtool", "prometheus-alertmanager"))
    file = MONITORING / "alertmanager.yml"

    def receiver(severity: str) -> str:
        command = [amtool, "config", "routes", "test", f"--config.file={file}", f"severity={severity}"]
        routed: str = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return routed.strip()

    subprocess.run([amtool, "check-config", file], check=True, capture_output=True)
    assert {severity: receiver(severity) for severity in get_args(Severity)} == {
        "critical": "pager",
        "warning": "morning",
        "none": "watchdog",
    }


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
