"""Settings that nobody may see: read from files where these are named, and masked wherever they are shown."""

import re
from collections.abc import Mapping
from pathlib import Path

SECRETS = ("api_keys", "history")
"""The settings that are secret, or hold a secret. `PULMO_X_FILE` names a file that holds the value of `PULMO_X`."""

_PASSWORD = re.compile(r"(?<=://)([^:/@]*):.*(?=@)")
_PARAMETER = re.compile(r"(password=)[^&]*")
_MASK = "***"


class SecretError(ValueError):
    """A secret cannot be had; the message names the setting and the remedy, and shows nothing of it."""


def with_secrets(values: Mapping[str, object], prefix: str) -> dict[str, object]:
    """Return settings by name, the secrets among them read from their files; the names of the files stay.

    Args:
        values: that may hold `x_file` for a secret `x`.
        prefix: of all settings, for messages.

    Raises:
        SecretError: a file cannot be read, or the setting has a value beside it.
    """
    found = dict(values)
    for name in SECRETS:
        file, setting = values.get(f"{name}_file"), f"{prefix}{name.upper()}"
        if not file:
            continue
        if values.get(name):
            raise SecretError(f"{setting} and {setting}_FILE are both set; set one of them")
        found[name] = _read(Path(str(file)), f"{setting}_FILE")
    return found


def _read(file: Path, setting: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SecretError(f"{setting} is {str(file)!r}, which cannot be read: {reason}") from error


def masked(name: str, value: object) -> object:
    """Return the value of a setting as it may be shown: a URL without its password, other secrets not at all."""
    if name not in SECRETS or not value:
        return value
    text = str(value)
    return _PARAMETER.sub(rf"\1{_MASK}", _PASSWORD.sub(rf"\1:{_MASK}", text)) if "://" in text else _MASK
