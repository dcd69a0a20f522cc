"""What whoever asks a service for a retraining may set: how training goes, and nothing that names a place on a disk."""

from typing import Any

import msgspec

from trainer.config import TrainingConfig
from trainer.errors import ConfigError
from trainer.settings import read_config

SETTABLE = (
    "epochs",
    "head_epochs",
    "patience",
    "batch_size",
    "learning_rate",
    "fine_tuning_rate",
    "schedule",
    "weight_decay",
    "label_smoothing",
    "class_weights",
    "augmentation",
    "seed",
)
"""Keys of `TrainingConfig`. Architecture and image size stay those of the version that a retraining starts from."""


def parameters_schema() -> dict[str, Any]:
    """Return the JSON schema of the settable keys: all may be left out, and there are no others."""
    schema = msgspec.json.schema(_parameters())
    for each in schema["$defs"].values():
        each["additionalProperties"] = False
        for key in each["properties"].values():
            key.pop("default", None)  # what is left out is as the version was trained
    return schema


def check_parameters(document: bytes) -> None:
    """See that a JSON document holds settable keys with values that are allowed, and no others.

    Raises:
        ConfigError: it does not; the message names the key and the limit.
    """
    try:
        given = msgspec.json.decode(document, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ConfigError(f"the parameters are no JSON object: {error}") from error
    for key in given:
        if key not in SETTABLE:
            raise ConfigError(f"there is no parameter {key}; there are {', '.join(SETTABLE)}")
    read_config(None, {"data": "", **given}, [])
    try:
        msgspec.convert(given, _parameters())
    except msgspec.ValidationError as error:
        raise ConfigError(f"a parameter is of the wrong type: {error}") from error


def _parameters() -> type[msgspec.Struct]:
    """Return a struct of the settable keys, with the types that they have in a configuration."""
    types = {field.name: field.type for field in msgspec.structs.fields(TrainingConfig)}
    return msgspec.defstruct("Parameters", [(key, types[key] | msgspec.UnsetType, msgspec.UNSET) for key in SETTABLE])
