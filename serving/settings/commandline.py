"""From a command line to settings, and back to a command line for the real binary."""

import argparse
import math
import re
from collections.abc import Sequence
from typing import Any, get_type_hints

import msgspec

from serving.settings.struct import OURS, Settings, SettingsError, check

_ABOUT = "Serve models as TensorFlow Serving does; flags have its names and defaults, where it has them."
_WHOLE = ("file_system_poll_wait_seconds", "model_config_file_poll_wait_seconds")
"""Seconds, of which the real server takes no fractions."""


def parse(argv: Sequence[str]) -> tuple[Settings, list[str]]:
    """Read a command line, `--flag=value` or `--flag value`, and return the settings and the arguments not understood.

    Raises:
        SettingsError: a value is not allowed, or settings contradict each other.
        SystemExit: `--help` was asked for, or a value is missing.
    """
    namespace, others = _parser().parse_known_args(argv)
    given = {name: value for name, value in vars(namespace).items() if value is not None}
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error), given)) from error
    check(settings)
    return settings, others


def flags(settings: Settings) -> list[str]:
    """Return the command line for `tensorflow_model_server`: the flags that differ from its defaults, without ours."""
    plain = Settings()
    written = []
    for name in Settings.__struct_fields__:
        value = getattr(settings, name)
        if name not in OURS and value != getattr(plain, name):
            written.append(f"--{name}={_text(name, value)}")
    return written


def _text(name: str, value: object) -> str:
    if name in _WHOLE and isinstance(value, float):
        return str(max(1, round(value)) if value > 0 else math.floor(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving", description=_ABOUT, allow_abbrev=False)
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        optional: dict[str, Any] = {"nargs": "?", "const": "true"} if hint.__origin__ is bool else {}
        default = getattr(Settings(), name)
        text = f"{hint.__metadata__[0].description} (default: {default!r})"
        parser.add_argument(f"--{name}", help=text, **optional)
    return parser


def _explain(error: str, given: dict[str, str]) -> str:
    """Turn "Expected `int` <= 65535 - at `$.port`" into a message with the flag and its value."""
    match = re.fullmatch(r"(.*?)(?:, got `str`)? - at `\$\.(\w+)`", error)
    if match is None:
        return error
    expected, name = match.groups()
    return f"--{name}={given.get(name)} is refused: {expected[0].lower()}{expected[1:]}; see --help"
