"""API keys: what one is, how a list of them is written, and how a presented one is found.

A key holds 256 random bits, so a plain SHA-256 keeps it as well as a slow hash would: those slow down guessing, and
nobody guesses 256 bits. The comparison takes the same time wherever two digests begin to differ.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import msgspec

Scope = Literal["predict", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

LIMIT = 256
"""Keys in a list: each of them is compared with what a request brings."""

_PREFIX = "pulmo_"  # by which scanners for leaked secrets can know it
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FORM = "NAME:SCOPE[,SCOPE]:SHA256, as `python -m gateway key NAME` prints it"


class KeysError(ValueError):
    """A list of keys that cannot be used; the message names the entry by its number, and shows nothing of it."""


class ApiKey(msgspec.Struct, frozen=True):
    """A key as the gateway knows it, which is not enough to use it."""

    name: str
    """Of whoever has it; two keys may share it while one takes the other's place."""
    scopes: frozenset[Scope]
    digest: bytes
    """SHA-256 of the key."""

    def may(self, scope: Scope) -> bool:
        """Return whether the key is good for a scope; `operate` is good for all."""
        return scope in self.scopes or "operate" in self.scopes

    def line(self) -> str:
        """Return the entry that says this in a list of keys."""
        return f"{self.name}:{','.join(sorted(self.scopes))}:{self.digest.hex()}"


def read_keys(text: str) -> tuple[ApiKey, ...]:
    """Return the keys of a list: entries `name:scope[,scope]:sha256`, with white space between; `#` begins a comment.

    Raises:
        KeysError: an entry is none, or there are too many.
    """
    entries = [entry for line in text.splitlines() for entry in line.partition("#")[0].split()]
    if len(entries) > LIMIT:
        raise KeysError(f"there are {len(entries)} keys; the limit is {LIMIT}")
    return tuple(_read(entry, number) for number, entry in enumerate(entries, 1))


def _read(entry: str, number: int) -> ApiKey:
    parts = entry.split(":")
    if len(parts) != 3:
        raise KeysError(f"entry {number} has {len(parts)} parts instead of 3; write {_FORM}")
    name, scopes, digest = parts
    if not _NAME.fullmatch(name):
        raise KeysError(f"the name in entry {number} is not 1 to 64 letters, digits, dots, dashes or underscores")
    known = frozenset(scope for scope in SCOPES if scope in scopes.split(","))
    if not known or len(known) != len(scopes.split(",")):
        raise KeysError(f"the scopes in entry {number} are not of {', '.join(SCOPES)}; write {_FORM}")
    if not _DIGEST.fullmatch(digest):
        raise KeysError(f"entry {number} does not end in 64 hexadecimal digits in lower case; write {_FORM}")
    return ApiKey(name, known, bytes.fromhex(digest))


def new_key(name: str, scopes: Iterable[Scope]) -> tuple[str, ApiKey]:
    """Make a key: the secret, which nobody can see again, and what the gateway keeps of it.

    Raises:
        KeysError: the name cannot stand in a list of keys.
    """
    if not _NAME.fullmatch(name):
        raise KeysError(f"{name!r} is not 1 to 64 letters, digits, dots, dashes or underscores")
    secret = _PREFIX + secrets.token_urlsafe(32)
    return secret, ApiKey(name, frozenset(scopes), digest_of(secret.encode()))


def digest_of(secret: bytes) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(secret).digest()


def find(keys: Sequence[ApiKey], secret: bytes) -> ApiKey | None:
    """Return the key that a client presents, or None where it is not one of `keys`."""
    digest = digest_of(secret)
    return next((key for key in keys if hmac.compare_digest(key.digest, digest)), None)
