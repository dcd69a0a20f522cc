"""What stands before the framework: it refuses at once what would be refused anyway.

A refusal must cost next to nothing, or overload feeds itself; most of what it costs otherwise is the framework's way to
a route and back. Of overload the route decides again, and it is the route that takes the places; whether a client has
the right key is decided here alone, for every path.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from litestar import Litestar
from litestar.enums import ScopeType

from gateway.access.access import Access
from gateway.deadlines import HEADER, budget
from gateway.errors import GatewayError
from gateway.lanes import Priority
from gateway.openinference.paths import INFER, INFER_VERSION, template
from gateway.problems import ProblemHandlers, headers_of
from gateway.services import Services

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send

PRIORITIES: Mapping[str, Priority] = {
    "/predict": "interactive",
    "/predict-batch": "bulk",
    INFER: "interactive",  # until it is known how many images it brings
    INFER_VERSION: "interactive",
}
"""The class of traffic of what is posted to each path, or to paths of each template, that takes places."""

_TIMEOUT = HEADER.lower().encode()


class Gate:
    """An ASGI application around the framework's."""

    def __init__(self, app: Litestar, access: Access, problems: ProblemHandlers) -> None:
        self._app = app
        self._access = access
        self._problems = problems

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one ASGI connection (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        route = template(scope["path"])
        priority = PRIORITIES.get(route) if scope["method"] == "POST" else None
        try:
            self._access.admit(scope, headers)
            if priority is not None:
                self._check(self._app.state.services, headers.get(_TIMEOUT), priority)
        except GatewayError as error:
            if priority is not None:
                scope["path_template"] = route  # for `gateway.instrumentation`, as the framework would set it
            await self._refuse(error, scope["path"], send)
        else:
            await self._app(scope, receive, send)

    def _check(self, services: Services, timeout: bytes | None, priority: Priority) -> None:
        allowed = None if timeout is None else timeout.decode("latin-1")
        deadline = time.monotonic() + budget(allowed, services.settings.request_timeout_s)
        services.admission.check(deadline=deadline, priority=priority)

    async def _refuse(self, error: GatewayError, path: str, send: "Send") -> None:
        body = msgspec.json.encode(self._problems.tell(error, path))
        fields = [*headers_of(error).items(), ("Content-Length", str(len(body)))]
        headers = [(name.lower().encode(), value.encode()) for name, value in fields]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
