"""Admits a request by the key that it brings, before anything of its body is read."""

import math
import time
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from litestar import Request

from gateway.access.keyring import KeyRing
from gateway.access.keys import ApiKey, Scope, find, read_keys
from gateway.access.metrics import AccessMetrics
from gateway.access.rates import Rates
from gateway.access.scopes import scope_of
from gateway.errors import KeyInvalid, KeyMissing, RateLimited, ScopeMissing
from gateway.settings import Settings

if TYPE_CHECKING:
    from litestar.types import HTTPScope

_AUTHORIZATION, _X_API_KEY = b"authorization", b"x-api-key"
_BEARER = b"bearer "
_CALLER = "caller"
_REMEDY = "send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`"


class Access:
    """The rule by which requests are admitted.

    Args:
        ring: the keys; None admits everybody.
        rates: how often each name may come; None does not count.
        metrics: of the gateway.
        clock: seconds.
    """

    def __init__(
        self,
        ring: KeyRing | None,
        rates: Rates | None,
        metrics: AccessMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ring = ring
        self._rates = rates
        self._metrics = metrics
        self._clock = clock

    @classmethod
    def from_settings(cls, settings: Settings, metrics: AccessMetrics) -> Self:
        """Return the rule that is set."""
        if not settings.has_keys:
            return cls(None, None, metrics)
        rates = Rates(settings.rate_limit, settings.rate_burst) if settings.rate_limit else None
        file = Path(settings.api_keys_file) if settings.api_keys_file else None
        return cls(KeyRing(read_keys(settings.api_keys), file, metrics), rates, metrics)

    def admit(self, scope: "HTTPScope", headers: Mapping[bytes, bytes]) -> None:
        """Let a request through, with the name of its key for `caller_of`.

        Args:
            scope: of the ASGI connection.
            headers: its headers, names in lower case.

        Raises:
            KeyMissing, KeyInvalid, ScopeMissing: its key is not good for it.
            RateLimited: its key was used too often.
        """
        if self._ring is None:
            return
        needed = scope_of(scope["method"], scope["path"])
        if needed is None:
            return
        key = self._find(presented(headers), needed)
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state[_CALLER] = key.name  # also of who is refused now: the log names them
        if not key.may(needed):
            self._metrics.admissions.labels("scope").inc()
            raise ScopeMissing(
                f"the key of {key.name!r} has the scope {', '.join(sorted(key.scopes))}; this request needs {needed}"
            )
        self._count(key)
        self._metrics.admissions.labels("granted").inc()

    def _find(self, secret: bytes | None, needed: Scope) -> ApiKey:
        if not secret or self._ring is None:
            self._metrics.admissions.labels("missing").inc()
            raise KeyMissing(f"this request needs an API key with the scope {needed}; {_REMEDY}")
        key = find(self._ring.current(), secret)
        if key is None:
            self._metrics.admissions.labels("invalid").inc()
            raise KeyInvalid("the API key is not known here, or not any more; ask the operator for another")
        return key

    def _count(self, key: ApiKey) -> None:
        wait = 0.0 if self._rates is None else self._rates.take(key.name, self._clock())
        if wait:
            self._metrics.admissions.labels("rate").inc()
            raise RateLimited(
                f"the key of {key.name!r} was used too often; PULMO_RATE_LIMIT and PULMO_RATE_BURST allow the next "
                f"request in {wait:.3f} s",
                retry_after=max(1, math.ceil(wait)),
            )


def presented(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Return the key that a request brings, or None where it brings none. A bearer's is before `X-API-Key`."""
    authorization = headers.get(_AUTHORIZATION, b"")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return headers.get(_X_API_KEY)


def caller_of(request: Request[Any, Any, Any]) -> str | None:
    """Return the name of the key that a request was admitted with, or None where it needed none."""
    caller: str | None = request.scope["state"].get(_CALLER)
    return caller
