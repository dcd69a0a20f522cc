"""Writes what the watchers of a local run are told: the deployed configuration, with the addresses of this machine."""

import json
import shutil
from collections.abc import Container
from pathlib import Path
from typing import Any

import yaml

from deploy.watch.layout import WatchLayout
from deploy.watch.programs import ALERTMANAGER, NODE_EXPORTER, Program


def write_configuration(layout: WatchLayout, found: Container[Program]) -> None:
    """Write `var/run/watch`; whoever is not `found` is nobody's target."""
    monitoring = layout.root / "monitoring"
    config = yaml.safe_load((monitoring / "prometheus.yml").read_text(encoding="utf-8"))
    _authorize(config, layout)
    (layout.run / "prometheus.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    _replace_by_copy(monitoring / "rules", layout.run / "rules")
    targets = layout.run / "targets"
    targets.mkdir(exist_ok=True)
    for name, addresses in _targets(layout, found).items():
        (targets / f"{name}.yaml").write_text(json.dumps([{"targets": addresses}]), encoding="utf-8")
    _write_provisioning(layout)


def _authorize(config: dict[str, Any], layout: WatchLayout) -> None:
    if layout.key_file is not None:
        [gateway] = [job for job in config["scrape_configs"] if job["job_name"] == "gateway"]
        gateway["authorization"] = {"credentials_file": str(layout.key_file)}


def _targets(layout: WatchLayout, found: Container[Program]) -> dict[str, list[str]]:
    watched = layout.watched
    return {
        "gateway": [f"127.0.0.1:{watched.gateway_port}"],
        "model-server": [f"127.0.0.1:{watched.rest_port}"],
        "alertmanager": [layout.address(ALERTMANAGER.port)] if ALERTMANAGER in found else [],
        "host": [layout.address(NODE_EXPORTER.port)] if NODE_EXPORTER in found else [],
    }


def _write_provisioning(layout: WatchLayout) -> None:
    """Tell Grafana what the containers' Grafana is told, but for the place of the dashboards."""
    grafana = layout.root / "monitoring/grafana"
    _replace_by_copy(grafana / "provisioning", layout.provisioning)
    file = layout.provisioning / "dashboards/pulmo.yaml"
    provider = yaml.safe_load(file.read_text(encoding="utf-8"))
    provider["providers"][0]["options"]["path"] = str(grafana / "dashboards")
    file.write_text(yaml.safe_dump(provider, sort_keys=False), encoding="utf-8")


def _replace_by_copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
