"""compose.yaml, read as a file, and by Docker's own parser where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import text_format

from proto.tfserving_pb2 import ModelServerConfig
from tests.processes import ROOT

DEPLOY = ROOT / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EACH = [pytest.param(service, id=name) for name, service in SERVICES.items()]


def built(service: dict[str, Any]) -> bool:
    return "build" in service


def mounts(service: dict[str, Any]) -> list[list[str]]:
    return [volume.split(":") for volume in service.get("volumes", [])]


def example() -> dict[str, str]:
    lines = (DEPLOY / "env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_model_server_is_tensorflow_serving() -> None:
    """
    The model comes from the real TensorFlow Serving, of the TensorFlow that exports it, through gRPC, read-only.
    """
    server = SERVICES["model-server"]
    lock = (ROOT / "requirements" / "trainer.txt").read_text()
    tensorflow = re.search(r"^tensorflow==([\d.]+)", lock, re.MULTILINE)

    assert tensorflow is not None
    assert server["image"] == f"tensorflow/serving:{tensorflow[1]}"
    assert ["models", "/models", "ro"] in mounts(server)
    assert f"--port={SERVICES['gateway']['environment']['PULMO_BACKEND'].partition(':')[2]}" in server["command"]


def test_the_two_newest_versions_of_the_gateways_model_are_served() -> None:
    """
    The configuration is mounted where the command looks for it, and the real messages can read it.
    """
    server = SERVICES["model-server"]
    [mount] = [target for source, target, *_ in mounts(server) if source == "../serving/config"]
    config = text_format.Parse((ROOT / "serving/config/models.config").read_text(), ModelServerConfig())
    [model] = config.model_config_list.config

    assert f"--model_config_file={mount}/models.config" in server["command"]
    assert f"--monitoring_config_file={mount}/monitoring.config" in server["command"]
    assert (model.name, model.base_path) == (SERVICES["gateway"]["environment"]["PULMO_MODEL"], "/models/lung")
    assert model.model_version_policy.latest.num_versions == 2


def test_the_model_server_is_scraped_where_it_listens() -> None:
    """
    Prometheus reads the addresses at which the containers listen.
    """
    read = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "monitoring/compose-targets").iterdir()}

    assert read["gateway"] == [{"targets": ["gateway:8000"]}]
    assert read["model-server"] == [{"targets": ["model-server:8601"]}]
    assert read["alertmanager"] == [{"targets": ["alertmanager:9093"]}]
    assert read["host"] == [{"targets": ["node-exporter:9100"]}]
    assert "--rest_api_port=8601" in SERVICES["model-server"]["command"]
    assert SERVICES["gateway"]["ports"][0].endswith(":8000")


@pytest.mark.parametrize("service", EACH)
def test_an_image_is_built_here_or_pinned(service: dict[str, Any]) -> None:
    """
    A service is built from a target of the Dockerfile, or its image has a version to the last digit.
    """
    if built(service):
        dockerfile = DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]
        assert f" AS {service['build']['target']}\n" in dockerfile.read_text()
    else:
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", service["image"])


@pytest.mark.parametrize("service", EACH)
def test_a_mounted_path_exists(service: dict[str, Any]) -> None:
    """
    Files of the repository are there and mounted read-only; every other volume is declared, but for the host's root,
    which the node exporter alone may look at.
    """
    for source, _, *mode in mounts(service):
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
            assert mode == ["ro"]
        elif source == "/":
            assert (service, mode) == (SERVICES["node-exporter"], ["ro"])
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("service", EACH)
def test_a_port_is_published_on_loopback_only(service: dict[str, Any]) -> None:
    """
    No port is open to other machines.
    """
    assert [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")] == []
    assert "network_mode" not in service


@pytest.mark.parametrize("service", EACH)
def test_a_service_has_as_few_rights_as_it_needs(service: dict[str, Any]) -> None:
    """
    The file system is read-only, no capability is kept, none can be gained.
    """
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged", False)


@pytest.mark.parametrize("service", [param for param in EACH if "profiles" not in SERVICES[str(param.id)]])
def test_a_server_is_restarted_and_checked(service: dict[str, Any]) -> None:
    """
    What runs for ever is started again when it dies, and has a health check, its own or that of its image.
    """
    assert service["restart"] == "unless-stopped"
    if built(service):
        stage = (DEPLOY / "Dockerfile").read_text().partition(f"FROM runtime AS {service['build']['target']}\n")[2]
        assert "HEALTHCHECK" in stage.partition("\nFROM ")[0]
    else:
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("service", EACH)
def test_a_dependency_is_a_service(service: dict[str, Any]) -> None:
    """
    What a service waits for is one of the others.
    """
    assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_every_variable_is_in_the_example_with_its_default() -> None:
    """
    env.example names every variable that is read, no other, and the defaults agree.
    """
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))

    assert example() == used
    assert TEXT.count("${") == len(re.findall(r"\$\{\w+:-[^}]+\}", TEXT))


def test_the_provisioned_paths_are_those_of_the_container() -> None:
    """
    Grafana looks for dashboards where they are mounted, and for Prometheus where it is.
    """
    grafana = SERVICES["grafana"]
    targets = {target: DEPLOY / source for source, target, *_ in mounts(grafana) if source.startswith(".")}
    provisioning = targets["/etc/grafana/provisioning"]
    provider = yaml.safe_load((provisioning / "dashboards" / "pulmo.yaml").read_text())["providers"][0]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert provider["options"]["path"] in targets
    assert (targets[str(home.parent)] / home.name).is_file()
    assert "$PULMO_PROMETHEUS_URL" in (provisioning / "datasources" / "prometheus.yaml").read_text()
    assert grafana["environment"]["PULMO_PROMETHEUS_URL"] == "http://prometheus:9090"


def test_docker_reads_it() -> None:
    """
    Docker's own parser accepts the file with the example's settings.
    """
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("Docker's compose plugin is not here (`docker compose version` fails)")

    checked = subprocess.run(
        [
            docker,
            "compose",
            "--file",
            DEPLOY / "compose.yaml",
            "--env-file",
            DEPLOY / "env.example",
            "config",
            "--quiet",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
