"""Which configurations are taken, and how others are refused."""

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from proto import tfserving_pb2 as pb
from serving.configuration import ModelSettings, check, one_model, read
from serving.errors import ServingError
from serving.policy import All, Latest, Policy, Specific

TEXT = """
# two models, as TensorFlow Serving's documentation writes them
model_config_list: {
  config: {
    name: "lung",
    base_path: "/models/lung",
    model_platform: "tensorflow",
    model_version_policy: { specific: { versions: 42, versions: 43 } }
    version_labels: { key: "stable", value: 42 }
    version_labels: { key: "canary", value: 43 }
  }
  config { name: "bone" base_path: "/models/bone" model_type: TENSORFLOW }
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models.config"


def test_a_file_lists_models_with_their_policies_and_labels(file: Path) -> None:
    file.write_text(TEXT)

    assert check(read(file)) == (
        ModelSettings("lung", Path("/models/lung"), Specific(frozenset({42, 43})), {"stable": 42, "canary": 43}),
        ModelSettings("bone", Path("/models/bone")),
    )


def test_one_model_is_served_in_its_latest_version() -> None:
    assert check(one_model("lung", "/models/lung")) == (ModelSettings("lung", Path("/models/lung"), Latest(1), {}),)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        pytest.param("", Latest(1), id="unset"),
        pytest.param("latest {}", Latest(1), id="latest without a number"),
        pytest.param("latest { num_versions: 0 }", Latest(1), id="latest 0"),
        pytest.param("latest { num_versions: 3 }", Latest(3), id="latest 3"),
        pytest.param("all {}", All(), id="all"),
        pytest.param("specific { versions: -1 }", Specific(frozenset({-1})), id="specific"),
    ],
)
def test_a_version_policy_is(text: str, policy: Policy, file: Path) -> None:
    model = f"name: 'm' base_path: '/m' model_platform: 'tensorflow' model_version_policy {{ {text} }}"
    file.write_text(f"model_config_list {{ config {{ {model} }} }}")

    assert check(read(file))[0].policy == policy


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ServingError, match=rf"^--model_config_file={file} cannot be read: No such file") as caught:
        read(file)

    assert caught.value.code == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param(b"model_config_list {\n config { nam: 'm' }\n}", "2:11", id="a field that does not exist"),
        pytest.param(b"model_config_list {", "1:19", id="a brace that is missing"),
        pytest.param(b"\xff", "0xff", id="no text"),
    ],
)
def test_a_file_with_an_error_is_refused_with_its_place(content: bytes, place: str, file: Path) -> None:
    file.write_bytes(content)

    with pytest.raises(ServingError, match=place) as caught:
        read(file)

    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert str(file) in caught.value.text


def _rename(config: pb.ModelServerConfig) -> None:
    config.model_config_list.config[0].name = ""


def _relate(config: pb.ModelServerConfig) -> None:
    config.model_config_list.config[0].base_path = "models/lung"


def _repeat(config: pb.ModelServerConfig) -> None:
    config.model_config_list.config.append(config.model_config_list.config[0])


def _move(config: pb.ModelServerConfig) -> None:
    config.model_config_list.config[0].model_platform = "tfx"


def _forget(config: pb.ModelServerConfig) -> None:
    config.model_config_list.config[0].model_platform = ""


def _say_twice(config: pb.ModelServerConfig) -> None:
    config.model_config_list.config[0].model_type = pb.TENSORFLOW


def _customize(config: pb.ModelServerConfig) -> None:
    config.custom_model_config.type_url = "x"


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        pytest.param(_rename, "a model has no name", id="a model without a name"),
        pytest.param(
            _relate,
            "Expected model lung to have an absolute path or URI; got base_path()=models/lung",
            id="a relative base path",
        ),
        pytest.param(_repeat, "Illegal to list model lung multiple times in config list", id="a name twice"),
        pytest.param(
            _move, "Model lung requests unsupported platform tfx; tensorflow is supported", id="another platform"
        ),
        pytest.param(
            _forget,
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform.",
            id="no platform",
        ),
        pytest.param(_say_twice, "Illegal setting both", id="two platforms"),
        pytest.param(_customize, "Cannot transition to requested config. It is only legal", id="no list of models"),
    ],
)
def test_a_configuration_is_refused_for(edit: Callable[[pb.ModelServerConfig], None], text: str) -> None:
    config = one_model("lung", "/models/lung")
    edit(config)

    with pytest.raises(ServingError) as caught:
        check(config)

    assert caught.value.text.startswith(text)


def test_the_platform_of_a_model_never_changes() -> None:
    config = one_model("lung", "/models/lung")
    _move(config)

    with pytest.raises(ServingError) as caught:
        check(config, {"lung"})

    assert caught.value.text == (
        "Illegal to change a model's platform. For model lung platform was tensorflow and new platform requested is tfx"
    )
