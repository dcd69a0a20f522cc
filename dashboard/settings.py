"""What the console is told by its environment, read in this one place."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

DEFAULT_GATEWAY_URL = "http://127.0.0.1:8000"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the console."""

    gateway_url: str = DEFAULT_GATEWAY_URL
    """`PULMO_GATEWAY_URL`: where the gateway listens, for example `http://127.0.0.1:8000`."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read `PULMO_GATEWAY_URL`.

        Raises:
            ValueError: the value is no address; the message names it and the remedy.
        """
        url = env.get("PULMO_GATEWAY_URL", DEFAULT_GATEWAY_URL).rstrip("/")
        if not _is_address(url):
            raise ValueError(
                f"PULMO_GATEWAY_URL={url!r} is no http or https address; set it to one such as {DEFAULT_GATEWAY_URL}"
            )
        return cls(gateway_url=url)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
