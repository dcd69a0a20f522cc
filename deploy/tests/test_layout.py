"""Where a local run has its ports from."""

from pathlib import Path

import pytest
from google.protobuf import text_format

from deploy.local.layout import Layout, LayoutError
from deploy.local.models_config import write_models_config
from proto.tfserving_pb2 import ModelServerConfig
from tests.processes import ROOT


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    """As in the gateway, whose port it is."""
    (tmp_path / "pulmo.toml").write_text("port = 8080\n")

    assert Layout.read({}, tmp_path).gateway == "http://127.0.0.1:8080"
    assert Layout.read({"PULMO_PORT": "8081"}, tmp_path).gateway == "http://127.0.0.1:8081"
    assert Layout.read({}, tmp_path / "elsewhere").console == "http://127.0.0.1:8501"


def test_the_model_server_is_told_the_store_of_this_machine_and_the_deployed_policy(tmp_path: Path) -> None:
    """Whatever the folder is called; the text is one that TensorFlow Serving's messages can read."""
    layout = Layout.read({}, tmp_path / 'a "quoted" name, höher')
    layout.run.mkdir(parents=True)
    (layout.root / "serving").symlink_to(ROOT / "serving")
    write_models_config(layout)
    config = text_format.Parse(layout.models_config.read_text(), ModelServerConfig())
    [model] = config.model_config_list.config

    assert (model.name, model.base_path) == ("lung", str(layout.store))
    assert model.model_version_policy.latest.num_versions == 2


def test_prometheus_looks_where_the_model_server_listens(tmp_path: Path) -> None:
    """Unless another port is named."""
    targets = (ROOT / "monitoring/targets/model-server.yaml").read_text()

    assert f"127.0.0.1:{Layout.read({}, tmp_path).rest_port}]" in targets
    assert Layout.read({"PULMO_MODEL_SERVER_REST_PORT": "8602"}, tmp_path).rest_port == 8602


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1", ""])
def test_what_is_no_port_is_named(value: str, tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(LayoutError, match="PULMO_CONSOLE_PORT is"):
        Layout.read({"PULMO_CONSOLE_PORT": value}, tmp_path)


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "pulmo.toml").write_text("port: 8080\n")

    with pytest.raises(LayoutError, match=r"pulmo\.toml is not TOML"):
        Layout.read({}, tmp_path)
