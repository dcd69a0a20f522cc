"""The flags of the model server: names and defaults of TensorFlow Serving (`model_servers/main.cc`), one is ours."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

_OURS = frozenset({"embedded"})


class SettingsError(ValueError):
    """The command line cannot be used; the message names the flag, its value and the remedy."""


def _threads() -> int:
    return 4 * len(os.sched_getaffinity(0))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the server was started with."""

    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port for gRPC; 0: none")] = 8500
    grpc_socket_path: Annotated[str, Meta(description="path of a Unix socket for gRPC; empty: none")] = ""
    model_name: Annotated[str, Meta(min_length=1, description="name that clients give the model")] = "default"
    model_base_path: Annotated[str, Meta(description="folder with one sub-folder per version")] = ""
    file_system_poll_wait_seconds: Annotated[float, Meta(gt=0, le=86400, description="seconds between two looks")] = 1
    max_num_load_retries: Annotated[int, Meta(ge=0, description="further attempts after a load that failed")] = 5
    load_retry_interval_micros: Annotated[int, Meta(ge=0, description="microseconds between attempts")] = 60_000_000
    enable_model_warmup: Annotated[bool, Meta(description="replay a version's warm-up records before it serves")] = True
    enable_serialization_as_tensor_content: Annotated[bool, Meta(description="write outputs as tensor_content")] = False
    mixed_precision: Annotated[Literal["", "bfloat16"], Meta(description="bfloat16: compute so where it is safe")] = ""
    grpc_max_threads: Annotated[int, Meta(ge=1, le=4096, description="calls at a time; 4 for each CPU")] = (
        msgspec.field(default_factory=_threads)
    )
    tensorflow_intra_op_parallelism: Annotated[int, Meta(ge=0, description="threads of one operation; 0: auto")] = 0
    tensorflow_inter_op_parallelism: Annotated[int, Meta(ge=0, description="operations at a time; 0: auto")] = 0
    embedded: Annotated[bool, Meta(description="serve from here even if tensorflow_model_server is on the PATH")] = (
        False
    )

    @property
    def addresses(self) -> list[str]:
        """The gRPC addresses to listen on."""
        tcp = [f"0.0.0.0:{self.port}"] if self.port else []
        return tcp + ([f"unix:{self.grpc_socket_path}"] if self.grpc_socket_path else [])


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
    _check(settings)
    return settings, others


def flags(settings: Settings) -> list[str]:
    """Return the command line for `tensorflow_model_server`: the flags that differ from its defaults, without ours."""
    plain = Settings()
    written = []
    for name in Settings.__struct_fields__:
        value = getattr(settings, name)
        if name not in _OURS and value != getattr(plain, name):
            written.append(f"--{name}={_text(name, value)}")
    return written


def _text(name: str, value: object) -> str:
    if name == "file_system_poll_wait_seconds" and isinstance(value, float):
        return str(max(1, round(value)))  # the real server takes whole seconds
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving", description=__doc__, allow_abbrev=False)
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


def _check(settings: Settings) -> None:
    if not settings.model_base_path:
        raise SettingsError("--model_base_path= is refused: name the folder that holds the versions of the model")
    if not Path(settings.model_base_path).is_absolute():
        remedy = f"make it absolute: {Path(settings.model_base_path).absolute()}"
        raise SettingsError(f"--model_base_path={settings.model_base_path} is refused: {remedy}")
    if not settings.addresses:
        raise SettingsError("--port=0 is refused without --grpc_socket_path: name a port or a socket to listen on")
