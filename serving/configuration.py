"""Which models are served: a ModelServerConfig, read and checked as `model_servers/server_core.cc` does."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

import grpc
from google.protobuf import text_format

from proto import tfserving_pb2 as pb
from serving.errors import ServingError, invalid
from serving.policy import All, Latest, Policy, Specific

PLATFORM = "tensorflow"
"""The one platform that there is."""


class ModelSettings(NamedTuple):
    """What is configured for one model."""

    name: str
    base_path: Path
    policy: Policy = Latest()
    labels: Mapping[str, int] = {}
    """Version numbers by label."""


class Rules(NamedTuple):
    """What holds for loads and looks of all models."""

    retries: int = 5
    """Further attempts after a load that failed."""
    retry_interval: float = 60
    """Seconds between attempts."""
    fall_back: bool = True
    """Whether lower versions take the place of those that cannot serve, not yet or not at all.

    While a version loads, one more than the policy asks for is in memory; with the policy "latest 1" so it is anyway.
    """
    retry_changed: bool = True
    """Whether a version that failed is tried anew when its content changes."""
    always_present: bool = True
    """Whether a base path without versions changes nothing, once there were some."""


def one_model(name: str, base_path: str) -> pb.ModelServerConfig:
    """Return the configuration that `--model_name` and `--model_base_path` mean."""
    model = pb.ModelConfig(name=name, base_path=base_path, model_platform=PLATFORM)
    return pb.ModelServerConfig(model_config_list=pb.ModelConfigList(config=[model]))


def read(path: Path) -> pb.ModelServerConfig:
    """Read a configuration, a ModelServerConfig as text, as `--model_config_file` names it.

    Raises:
        ServingError: NOT_FOUND or INVALID_ARGUMENT, the file cannot be read or is no such text.
    """
    try:
        return text_format.Parse(path.read_text(), pb.ModelServerConfig())
    except OSError as error:
        raise ServingError(
            grpc.StatusCode.NOT_FOUND, f"--model_config_file={path} cannot be read: {error.strerror}"
        ) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise invalid(f"--model_config_file={path} is no ModelServerConfig as text: {error}") from error


def check(config: pb.ModelServerConfig, served: AbstractSet[str] = frozenset()) -> tuple[ModelSettings, ...]:
    """Return what `config` says of each model; `served` names those that are configured so far.

    Raises:
        ServingError: FAILED_PRECONDITION, it is no list of models; INVALID_ARGUMENT, a model of it cannot be served.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise ServingError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "Cannot transition to requested config. "
            "It is only legal to transition from one ModelConfigList to another.",
        )
    models: dict[str, ModelSettings] = {}
    for model in config.model_config_list.config:
        if model.name in models:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        models[model.name] = _model(model, served)
    return tuple(models.values())


def _model(model: pb.ModelConfig, served: AbstractSet[str]) -> ModelSettings:
    if not model.name:
        raise invalid(f"a model has no name; its base_path is {model.base_path!r}: give it the name that clients use")
    if not Path(model.base_path).is_absolute():
        raise invalid(f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}")
    platform = _platform(model)
    if platform != PLATFORM and model.name in served:
        raise invalid(
            f"Illegal to change a model's platform. For model {model.name} platform was {PLATFORM} "
            f"and new platform requested is {platform}"
        )
    if platform != PLATFORM:
        raise invalid(f"Model {model.name} requests unsupported platform {platform}; {PLATFORM} is supported")
    return ModelSettings(model.name, Path(model.base_path), _policy(model), dict(model.version_labels))


def _platform(model: pb.ModelConfig) -> str:
    if model.model_type and model.model_platform:
        raise invalid(
            "Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform."
        )
    if model.model_type == pb.TENSORFLOW:
        return PLATFORM
    if model.model_type:
        raise invalid(f"ModelServerConfig::model_type choice {model.model_type} not supported.")
    if not model.model_platform:
        raise invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform."
        )
    return model.model_platform


def _policy(model: pb.ModelConfig) -> Policy:
    policy = model.model_version_policy
    match policy.WhichOneof("policy_choice"):
        case "all":
            return All()
        case "specific":
            return Specific(frozenset(policy.specific.versions))
        case _:
            return Latest(policy.latest.num_versions or 1)
