"""Identities, as the gateway makes them for predictions and sessions: 32 hexadecimal digits."""

import re
import uuid

_IDENTITY = re.compile(r"[0-9a-f]{32}")


def new_identity() -> str:
    """Return an identity that nothing has yet."""
    return uuid.uuid4().hex


def is_identity(text: str) -> bool:
    """Say whether a text can be an identity; what else a client sends is asked of no database."""
    return _IDENTITY.fullmatch(text) is not None
