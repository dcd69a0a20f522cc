"""The endpoints for an operator: which versions there are, and which of them answers."""

from typing import Any, get_args

import msgspec
from litestar import Request, get, post, put

from gateway.access.access import caller_of
from gateway.docs import examples
from gateway.documentation import json_body, operation, problems, schema_of
from gateway.endpoints.parameters import Following, PageSize
from gateway.errors import BodyTimeout, BodyTooLarge, ClientGone, HistoryUnavailable, InvalidRoute, RouteConflict
from gateway.routing import Route, Share
from gateway.schemas import ModelEntry, Models, RouteHistory, RouteState, VersionHistory
from gateway.services import Services
from gateway.uploads import BodyLimits, read_body
from gateway.versions import VersionReport

_OPERATOR = "operator"
_DOCUMENT_BYTES = 16_384
_REMEDY = 'send for instance {"mode": "canary", "version": 2, "percent": 10, "reason": "..."}; see the README'

_REASON = {"type": "string", "description": "Kept for the record."}
_WANTED = {"anyOf": [schema_of(kind, reason=_REASON) for kind in get_args(Route)]}
_WHY = {"type": "object", "properties": {"reason": _REASON}, "additionalProperties": False}
_CHANGE_ERRORS = (InvalidRoute, RouteConflict, BodyTooLarge, BodyTimeout, ClientGone, HistoryUnavailable)


@get("/models", responses=problems(), operation_class=operation(example=examples.MODELS))
async def models(services: Services) -> Models:
    """Return the versions that the model server knows, what each says of itself, and its part of the traffic."""
    parts = services.router.shares()
    return Models([_entry(report, parts) for report in services.versions.reports()])


def _entry(report: VersionReport, parts: list[Share]) -> ModelEntry:
    part = next((part for part in parts if part.version == report.number), None)
    manifest = report.manifest
    return ModelEntry(
        version=report.number,
        state=report.state,
        error=report.error,
        current=bool(parts) and parts[0].version == report.number,
        since=report.since,
        ready=report.ready,
        role=part.role if part else None,
        percent=part.percent if part else 0.0,
        labels=manifest.labels if manifest else [],
        image=manifest.image if manifest else None,
        metrics=manifest.metrics if manifest else {},
        digest=manifest.digest if manifest else "",
        architecture=manifest.architecture if manifest else "",
        created_at=manifest.created_at if manifest else "",
        curves=manifest.curves if manifest else None,
    )


@get("/models/history", responses=problems(HistoryUnavailable), operation_class=operation(example=examples.VERSIONS))
async def version_history(services: Services, limit: PageSize = 50, after: Following = None) -> VersionHistory:
    """Return all versions that could ever answer, as they described themselves, the newest first."""
    page = await services.version_log.page(limit, after)
    return VersionHistory(page.versions, page.next)


@get("/models/route", responses=problems(HistoryUnavailable), operation_class=operation(example=examples.ROUTE))
async def route(services: Services) -> RouteState:
    """Return the route that is in force, and who gets how much of the traffic now."""
    if services.settings.workers > 1:
        await services.router.refresh()  # another process may have set it a moment ago
    return _state(services)


@put(
    "/models/route",
    responses=problems(*_CHANGE_ERRORS),
    operation_class=operation(body=json_body(_WANTED, examples=examples.WANTED), example=examples.ROUTE),
)
async def set_route(request: Request[Any, Any, Any], services: Services) -> RouteState:
    """Set the route: `{"mode": "latest"}`, `pinned` with a `version`, `canary` or `shadow` with `percent` as well.

    Each takes a `reason` for the record, and a trial a `stable` version if it is not to be the one that answers now.
    """
    wanted, reason = read_route(await _document(request, services))
    await services.router.set(wanted, actor=_OPERATOR, reason=reason, caller=caller_of(request))
    return _state(services)


@get(
    "/models/route/history",
    responses=problems(HistoryUnavailable),
    operation_class=operation(example=examples.ROUTES),
)
async def route_history(
    services: Services,
    limit: PageSize = 50,
    after: Following = None,
) -> RouteHistory:
    """Return all changes of the route, newest first; `after` is the `next` of the page before."""
    page = await services.route_store.page(limit, after)
    return RouteHistory(page.changes, page.next)


@post(
    "/models/rollback",
    status_code=200,
    responses=problems(*_CHANGE_ERRORS),
    operation_class=operation(
        body=json_body(_WHY, examples={"why": {"reason": "worse"}}, required=False), example=examples.ROUTE
    ),
)
async def rollback(request: Request[Any, Any, Any], services: Services) -> RouteState:
    """Pin the version that answered before: a trial's stable one, else the next older one.

    A body is not needed; `{"reason": "..."}` is kept for the record.
    """
    fields = _fields(await _document(request, services) or b"{}")
    reason = _take_reason(fields)
    if fields:
        raise InvalidRoute(f"a rollback has no {next(iter(fields))[:40]!r}; it takes a `reason` and nothing else")
    why = reason or "rolled back by hand"
    await services.router.roll_back(actor=_OPERATOR, reason=why, caller=caller_of(request))
    return _state(services)


def read_route(document: bytes) -> tuple[Route, str]:
    """Return the route and the reason of a JSON document.

    Raises:
        InvalidRoute: it is none; the message names the field, its limit and the remedy.
    """
    fields = _fields(document)
    reason = _take_reason(fields)
    try:
        return msgspec.convert(fields, Route), reason
    except msgspec.ValidationError as error:
        raise InvalidRoute(f"{error}; {_REMEDY}") from error


def _fields(document: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(document, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:  # the latter where it is nested too deep
        raise InvalidRoute(f"the body is no JSON object: {error}; {_REMEDY}") from error


def _take_reason(fields: dict[str, Any]) -> str:
    reason = fields.pop("reason", "")
    if not isinstance(reason, str):
        raise InvalidRoute(f"reason is {reason!r}; it is a text")
    return reason


async def _document(request: Request[Any, Any, Any], services: Services) -> bytes:
    limits = BodyLimits(_DOCUMENT_BYTES, "a route's size", services.settings.body_timeout_s, files=0)
    return await read_body(request, limits)


def _state(services: Services) -> RouteState:
    change = services.router.change()
    return RouteState(
        current=change.route,
        effective=services.router.shares(),
        why=services.router.explain(),
        sequence=change.sequence,
        since=change.since,
        actor=change.actor,
        reason=change.reason,
        caller=change.caller,
    )


MODEL_ROUTES = [models, version_history, route, set_route, route_history, rollback]
