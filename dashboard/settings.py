"""What the console is told by its environment, read in this one place."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

DEFAULT_GATEWAY_URL = "http://127.0.0.1:8000"
DEFAULT_GOLDEN_SET = Path("data/samples")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the console."""

    gateway_url: str = DEFAULT_GATEWAY_URL
    """`PULMO_GATEWAY_URL`: where the gateway listens, for example `http://127.0.0.1:8000`."""
    api_key: str = ""
    """`PULMO_API_KEY`, or the file that `PULMO_API_KEY_FILE` names: what the console asks the gateway with, for all
    who open it. Without one, a visitor signs in with a key of their own where the gateway wants one."""
    prometheus_url: str = ""
    """`PULMO_PROMETHEUS_URL`: where Prometheus is, for example `http://127.0.0.1:9090`. Without it the figures are from
    the gateway's own metrics, as far back as the console has looked."""
    golden_set: Path = DEFAULT_GOLDEN_SET
    """`PULMO_GOLDEN_SET`: a folder with PNG, JPEG or DICOM images; the first 100 of them by name are put to two
    versions before one takes the other's place. Without it they are the drawings that Pulmo comes with."""
    load_command: tuple[str, ...] = ()
    """`PULMO_LOAD_COMMAND`: what starts load tests, in the shell's words. Empty for `python -m loadtests.load`, where
    that and Locust are installed beside the console."""

    def __repr__(self) -> str:
        """Show the settings, without the key."""
        shown = {**msgspec.structs.asdict(self), "api_key": "***" if self.api_key else ""}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read the environment.

        Raises:
            ValueError: a value cannot be used; the message names it and the remedy, and shows no key.
        """
        return cls(
            gateway_url=_read_address(env, "PULMO_GATEWAY_URL", DEFAULT_GATEWAY_URL),
            api_key=_read_key(env),
            prometheus_url=_read_address(env, "PULMO_PROMETHEUS_URL", ""),
            golden_set=Path(env.get("PULMO_GOLDEN_SET", "") or DEFAULT_GOLDEN_SET),
            load_command=_read_command(env),
        )


def _read_address(env: Mapping[str, str], name: str, default: str) -> str:
    url = env.get(name, default).rstrip("/")
    if url != default and not _is_address(url):
        example = default or "http://127.0.0.1:9090"
        raise ValueError(f"{name}={url!r} is no http or https address; set it to one such as {example}")
    return url


def _read_key(env: Mapping[str, str]) -> str:
    key, file = env.get("PULMO_API_KEY", ""), env.get("PULMO_API_KEY_FILE", "")
    if key and file:
        raise ValueError("PULMO_API_KEY and PULMO_API_KEY_FILE are both set; set one of them")
    if file:
        try:
            key = Path(file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"PULMO_API_KEY_FILE={file!r} cannot be read as a key") from error
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        raise ValueError("PULMO_API_KEY holds what no key holds; set it to what `python -m gateway key NAME` has shown")
    return key


def _read_command(env: Mapping[str, str]) -> tuple[str, ...]:
    given = env.get("PULMO_LOAD_COMMAND", "")
    try:
        return tuple(shlex.split(given))
    except ValueError as error:
        raise ValueError(f"PULMO_LOAD_COMMAND={given!r} cannot be read ({error}); write it as in a shell") from error


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
