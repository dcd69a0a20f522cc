"""What a service may let its clients set."""

import json
import subprocess
import sys

import pytest

from trainer.errors import ConfigError
from trainer.parameters import SETTABLE, check_parameters


def command(*arguments: str, document: str = "") -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "trainer", "parameters", *arguments]
    return subprocess.run(whole, input=document, capture_output=True, text=True, check=False)


def test_the_schema_has_every_settable_key_and_no_other() -> None:
    """
    Nothing is required, nothing else is allowed, and no key names a place on the disk.
    """
    schema = json.loads(command().stdout)
    settable = schema["$defs"]["Parameters"]

    assert tuple(settable["properties"]) == SETTABLE
    assert settable["properties"]["epochs"] == {"type": "integer", "minimum": 1}
    assert not {"data", "additions", "initial", "weights", "cache", "devices"} & set(settable["properties"])
    assert not settable["required"]
    assert all(each["additionalProperties"] is False for each in schema["$defs"].values())


@pytest.mark.parametrize("document", [{}, {"epochs": 3, "augmentation": {"flip": "none", "shift": 0}}], ids=str)
def test_what_is_allowed_passes(document: dict[str, object]) -> None:
    """
    Keys may be left out, also those of the augmentation.
    """
    check_parameters(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("[1]", "no JSON object"),
        ("{", "no JSON object"),
        ('{"initial": "/etc/passwd"}', "there is no parameter initial"),
        ('{"data": "/"}', "there is no parameter data"),
        ('{"epochs": 0}', "epochs=0 is refused"),
        ('{"epochs": "3"}', "wrong type"),
        ('{"epochs": null}', "wrong type"),
        ('{"learning_rate": 1e999}', "out of range"),
        ('{"augmentation": {"flip": "sideways"}}', "sideways is refused"),
        ('{"augmentation": {"mirror": 1}}', "there is no augmentation.mirror"),
        ('{"augmentation": 3}', "augmentation"),
    ],
)
def test_what_is_not_allowed_is_named(document: str, says: str) -> None:
    """
    The message names the key and the limit.
    """
    with pytest.raises(ConfigError, match=says):
        check_parameters(document.encode())


def test_the_command_says_no_as_every_other_one() -> None:
    """
    One line on standard error, and status 2; without TensorFlow, which would take seconds.
    """
    refused = command("--check", document='{"epochs": 0}')

    assert (refused.returncode, command("--check", document="{}").returncode) == (2, 0)
    assert refused.stderr.startswith("Error: epochs=0 is refused")
