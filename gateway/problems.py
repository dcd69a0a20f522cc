"""Turns every exception into a problem document (RFC 9457), at one place."""

import inspect
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from gateway.errors import GatewayError
from gateway.metrics import Metrics
from gateway.openinference.paths import speaks_protocol
from gateway.schemas import Problem

MEDIA_TYPE = "application/problem+json"
_TYPES = "/problems/"
_NO_TYPE = "about:blank"


def to_problem(error: GatewayError) -> Problem:
    """Return the document for an error of ours."""
    return Problem(type=_TYPES + error.name, title=error.title, status=error.status, detail=error.detail)


def headers_of(error: GatewayError) -> dict[str, str]:
    """Return the headers of the answer that tells an error of ours."""
    retry = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    challenge = {} if error.challenge is None else {"WWW-Authenticate": error.challenge}
    return {"Content-Type": MEDIA_TYPE, **retry, **challenge}


def document(kind: type[GatewayError]) -> str:
    """Return what a problem type means, for a person."""
    retry = f" Send it again after {kind.retry_after} s." if kind.retry_after is not None else ""
    return f"{kind.title} ({kind.status}). {inspect.cleandoc(kind.__doc__ or '')}{retry}\n"


class ProblemHandlers:
    """The exception handlers of the application; they count what they answer."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._log = structlog.get_logger()

    def gateway_error(self, request: Request[Any, Any, Any], error: GatewayError) -> Response[Problem]:
        """Answer an error of ours."""
        problem = self.tell(error, request.scope["path"])
        return Response(problem, status_code=error.status, headers=headers_of(error), media_type=MEDIA_TYPE)

    def tell(self, error: GatewayError, path: str) -> Problem:
        """Count and log an error of ours, and return its document for whoever asked at `path`."""
        self._metrics.rejected.labels(error.name).inc()
        report = self._log.warning if error.internals else self._log.debug
        report("problem", problem=error.name, detail=error.detail, internals=error.internals)
        return _spoken(to_problem(error), path)

    def http_exception(self, request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
        """Answer what the framework refuses: an unknown path, a wrong method, a parameter out of its range.

        The status says all there is to say, so the type is `about:blank` (RFC 9457, section 4.2.1).
        """
        status = HTTPStatus(error.status_code)
        self._metrics.rejected.labels(status.phrase.lower().replace(" ", "-")).inc()
        problem = Problem(type=_NO_TYPE, title=status.phrase, status=status, detail=_detail(error))
        problem = _spoken(problem, request.scope["path"])
        return Response(problem, status_code=status, headers=error.headers, media_type=MEDIA_TYPE)

    def bug(self, request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
        """Answer a broken promise of our own, without its internals."""
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        self._metrics.rejected.labels("internal-server-error").inc()
        self._log.error("bug", path=request.scope.get("path_template"), exc_info=error)
        detail = "This is a bug of the gateway; its log says more."
        problem = Problem(type=_NO_TYPE, title=status.phrase, status=status, detail=detail)
        problem = _spoken(problem, request.scope["path"])
        return Response(problem, status_code=status, media_type=MEDIA_TYPE)


def _spoken(problem: Problem, path: str) -> Problem:
    """Return the document as whoever asks at `path` reads it."""
    return msgspec.structs.replace(problem, error=problem.detail or problem.title) if speaks_protocol(path) else problem


def _detail(error: HTTPException) -> str:
    reasons = [f"{entry.get('key', '')}: {entry['message']}" for entry in error.extra or [] if isinstance(entry, dict)]
    return "; ".join([error.detail, *reasons])
