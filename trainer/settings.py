"""From options, a file and `key=value` pairs to a `TrainingConfig`: later ones win, in this order."""

import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from trainer.config import TrainingConfig
from trainer.errors import ConfigError


def read_config(
    file: Path | None, options: Mapping[str, Any], pairs: Iterable[str], base: TrainingConfig | None = None
) -> TrainingConfig:
    """Put a configuration together.

    Args:
        file: TOML with the fields of `TrainingConfig`, its augmentation as a table; wins over `base`.
        options: fields that were given on the command line; None stands for one that was not. Wins over the file.
        pairs: `key=value`, with `augmentation.key=value` for nested ones. Wins over everything.
        base: what holds where nothing else is said; the defaults, unless given.

    Raises:
        ConfigError: the file cannot be read, a key does not exist, or a value is refused.
    """
    values: dict[str, Any] = {} if base is None else msgspec.to_builtins(base)
    if file is not None:
        _update(values, _toml(file), str(file))
    _update(values, {name: value for name, value in options.items() if value is not None}, "the command line")
    for pair in pairs:
        _update(values, _pair(pair), f"--set {pair}")
    if "data" not in values:
        raise ConfigError("no data set is named; give its folder with --data")
    _refuse_infinite(values)
    try:
        return msgspec.convert(values, TrainingConfig, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_refusal(error, values)) from error


def _refuse_infinite(values: Mapping[str, Any], path: str = "") -> None:
    """Refuse numbers that are none; JSON has no word for them."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            _refuse_infinite(value, f"{path}{name}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{path}{name}={value} is refused: it must be finite")


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{file} cannot be read: {reason}; name a TOML file with --config") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error


def _pair(pair: str) -> dict[str, Any]:
    """Read `key=value` as TOML, whose dotted keys nest; a value that is not TOML is taken for a text."""
    key, equals, value = pair.partition("=")
    texts = (value, msgspec.json.encode(value).decode())  # a JSON string is a TOML string
    for text in texts if equals else ():
        try:
            return tomllib.loads(f"{key} = {text}")
        except tomllib.TOMLDecodeError:
            continue
    raise ConfigError(f"--set {pair} has no key and value; write --set key=value, such as --set epochs=20")


def _update(values: dict[str, Any], news: Mapping[str, Any], source: str, path: str = "") -> None:
    """Write `news` over `values`; unknown keys are refused by name."""
    known = _fields(path)
    for key, value in news.items():
        if key not in known:
            raise ConfigError(
                f"{source}: there is no {path}{key}; there are {', '.join(path + name for name in known)}"
            )
        if isinstance(value, Mapping) and _fields(f"{path}{key}."):
            nested = values.setdefault(key, {})
            if not isinstance(nested, dict):
                raise ConfigError(
                    f"{path}{key}={nested} is refused: it holds keys, such as {path}{key}.{next(iter(value))}"
                )
            _update(nested, value, source, f"{path}{key}.")
        else:
            values[key] = value


def _fields(path: str) -> tuple[str, ...]:
    """Return the names of the fields at a dotted path that is empty or ends with a dot; none where it has no fields."""
    kind = _kind(path.rstrip("."))
    is_nested = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return tuple(field.name for field in msgspec.structs.fields(kind)) if is_nested else ()


def _kind(path: str) -> Any:  # noqa: ANN401 - types of fields have no type of their own
    """Return the type of the field at a dotted path."""
    kind: Any = TrainingConfig
    for name in path.split("[", maxsplit=1)[0].split(".") if path else ():
        kind = {field.name: field.type for field in msgspec.structs.fields(kind)}[name]
    return kind


def _refusal(error: msgspec.ValidationError, values: Mapping[str, Any]) -> str:
    """Name the key and its value beside msgspec's reason, which names the limit."""
    reason, _, place = str(error).partition(" - at `$.")
    if not place:
        return f"the configuration is refused: {reason}"
    name = place.rstrip("`")
    choices = get_args(_kind(name))
    if choices and all(isinstance(choice, str) for choice in choices):
        reason = f"{reason}, there are {', '.join(choices)}"
    value: Any = values
    for part in name.split("[")[0].split("."):
        value = value.get(part) if isinstance(value, Mapping) else value
    return f"{name}={value} is refused: {reason[0].lower()}{reason[1:]}; give another with --set {name}=..."
