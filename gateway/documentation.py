"""What the OpenAPI document says beyond types: bodies, examples, and every error. Evaluated when the gateway starts.

A route names its errors with `responses=problems(Overloaded, ...)`, what it reads with `operation(body=...)`, and an
answer for instance with `operation(example=...)`. `complete` adds what holds for all of them.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
)

from gateway.access.keys import Scope
from gateway.access.scopes import scope_of
from gateway.errors import GatewayError, KeyInvalid, KeyMissing, RateLimited, ScopeMissing
from gateway.problems import MEDIA_TYPE, to_problem
from gateway.schemas import Problem

IMAGE_TYPES = ("image/png", "image/jpeg", "application/dicom")
"""What a raw body may be announced as; what it is, its bytes say."""

_KEY = (KeyMissing, KeyInvalid, ScopeMissing, RateLimited)
_ANYWHERE = (*_KEY, HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR)
_DETAILS = {  # of what the framework answers: `gateway.problems.ProblemHandlers`
    HTTPStatus.BAD_REQUEST: "A parameter is out of its range, or of another type.",
    HTTPStatus.NOT_FOUND: "There is nothing under this address.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "This is a bug of the gateway; its log says more.",
}
_CHALLENGED = {"401", "403"}
_LATER = {"429", "502", "503", "504"}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_DESCRIPTION = """Classifies lung CT images. **Not a medical device.**

Every error is a problem document (RFC 9457); `GET /problems/{name}` explains its `type`. A 429 or 503 says with
`Retry-After` after how many seconds the same request may succeed. Where API keys are set, a request carries one, as
`Authorization: Bearer KEY` or as `X-API-Key`.
"""


def problems(*kinds: type[GatewayError] | HTTPStatus) -> dict[int, ResponseSpec]:
    """Return the responses of a route that can answer these errors, beside those that any route can answer.

    A bare status is an error of the framework: its type is `about:blank`.
    """
    examples: dict[int, list[Example]] = {}
    for kind in (*kinds, *_ANYWHERE):
        if isinstance(kind, HTTPStatus):
            examples.setdefault(kind, []).append(_blank(kind))
        else:
            examples.setdefault(kind.status, []).append(_example(kind))
    return {status: _spec(examples[status]) for status in sorted(examples)}


def _example(kind: type[GatewayError]) -> Example:
    meaning = inspect.cleandoc(kind.__doc__ or "").replace("\n", " ")
    return Example(kind.name, kind.title, meaning, msgspec.to_builtins(to_problem(kind(meaning))))


def _blank(status: HTTPStatus) -> Example:
    document = Problem("about:blank", status.phrase, status, _DETAILS[status])
    return Example(status.phrase.lower().replace(" ", "-"), status.phrase, value=msgspec.to_builtins(document))


def _spec(examples: list[Example]) -> ResponseSpec:
    titles = " ".join(f"`{example.id}`: {example.summary}." for example in examples)
    return ResponseSpec(Problem, generate_examples=False, description=titles, media_type=MEDIA_TYPE, examples=examples)


def operation(
    *,
    body: RequestBody | None = None,
    example: object = None,
    text: Mapping[str, str] | None = None,
    bytes_of: str | None = None,
) -> type[Operation]:
    """Return the class of a route's operation, for `operation_class=`.

    Args:
        body: what the route reads by itself, which the framework does not see.
        example: a successful answer, as JSON, without nulls: the framework drops them. None where it is only text.
        text: an example of each further kind of answer, by its media type.
        bytes_of: the media type of an answer that is no text.
    """

    @dataclass
    class Documented(Operation):
        def __post_init__(self) -> None:
            if body is not None:
                self.request_body = body
            for status, response in (self.responses or {}).items():
                if status.startswith("2") and isinstance(response, OpenAPIResponse):
                    _show(response, example, text or {})
                    if bytes_of is not None:  # they have no schema (OpenAPI 3.1.1, section 4.8.14.3)
                        response.content = {**(response.content or {}), bytes_of: OpenAPIMediaType()}

    return Documented


def _show(response: OpenAPIResponse, example: object, text: Mapping[str, str]) -> None:
    content = (response.content or {}) if example is not None else {}
    for media in content.values():
        media.example = msgspec.to_builtins(example)
    for kind, sample in text.items():
        content[kind] = OpenAPIMediaType(Schema(type=OpenAPIType.STRING), example=sample)
    response.content = content or None


def image_body(field: str, description: str) -> RequestBody:
    """Return the body of a route that reads images: files of a form, of which `file` is one, or one raw image."""
    file = Schema(
        type=OpenAPIType.STRING, content_media_type="application/octet-stream", description="PNG, JPEG, DICOM"
    )
    value = file if field == "file" else Schema(type=OpenAPIType.ARRAY, items=file, min_items=1)
    form = Schema(type=OpenAPIType.OBJECT, properties={field: value}, required=[field])
    raw = {kind: OpenAPIMediaType() for kind in IMAGE_TYPES}  # bytes have no schema (OpenAPI 3.1.1, section 4.8.14.3)
    return RequestBody({"multipart/form-data": OpenAPIMediaType(form), **raw}, description, required=True)


def json_body(schema: Mapping[str, Any], *, examples: Mapping[str, object], required: bool = True) -> RequestBody:
    """Return the body of a route that reads JSON by itself.

    Args:
        schema: its JSON Schema, as of `schema_of`.
        examples: by what they do.
        required: whether the route refuses to be called without it.
    """
    shown = {name: Example(summary=name, value=msgspec.to_builtins(value)) for name, value in examples.items()}
    media = OpenAPIMediaType(
        cast("Schema", schema), examples={**shown}
    )  # rendered as it is: a dictionary is JSON already
    return RequestBody({"application/json": media}, required=required)


def schema_of(kind: Any, **further: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - whatever msgspec converts
    """Return the JSON Schema of a type that does not contain itself, without references.

    Args:
        kind: a struct, for instance.
        further: properties that the route takes beside those of the struct.
    """
    [schema], parts = msgspec.json.schema_components((kind,), ref_template="{name}")

    def inline(value: Any) -> Any:  # noqa: ANN401 - any part of a schema
        if isinstance(value, dict):
            if "$ref" in value:
                return inline(parts[value["$ref"]])
            return {key: inline(part) for key, part in value.items() if key != "discriminator"}
        return [inline(part) for part in value] if isinstance(value, list) else value

    whole: dict[str, Any] = inline(schema)
    if further:
        whole["properties"] = {**whole["properties"], **further}
    return whole


def configuration(version: str, *, closed: bool) -> OpenAPIConfig:
    """Return how the framework builds the document; `closed` where API keys are set."""
    return OpenAPIConfig(
        title="Pulmo",
        version=version,
        description=_DESCRIPTION,
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "bearer": SecurityScheme("http", scheme="bearer", description="An API key."),
                "key": SecurityScheme(
                    "apiKey", name="X-API-Key", security_scheme_in="header", description="An API key."
                ),
            }
        ),
        security=[{"bearer": []}, {"key": []}, *([] if closed else [{}])],
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
    )


def complete(document: OpenAPI) -> None:
    """Give every operation a summary, the first sentence of its description, the scope that it needs, and headers."""
    for method, path, entry in operations(document):
        first, _, _ = (entry.description or "").replace("\n", " ").partition(". ")
        entry.summary = first.rstrip(".") or None
        _close(entry, scope_of(method, path))
        for status, response in (entry.responses or {}).items():
            if isinstance(response, OpenAPIResponse):
                _finish(status, response)


def _close(entry: Operation, scope: Scope | None) -> None:
    """Say which scope an operation needs, or that it needs no key."""
    if scope is not None:
        entry.description = f"{entry.description or ''}\n\nWhere keys are set, it needs the scope `{scope}`."
        return
    entry.security = []
    for status in {str(kind.status) for kind in _KEY} & set(entry.responses or {}):
        del (entry.responses or {})[status]


def _finish(status: str, response: OpenAPIResponse) -> None:
    if status in _LATER:
        header = OpenAPIHeader(Schema(type=OpenAPIType.INTEGER, minimum=0), description="Seconds.")
        response.headers = {**(response.headers or {}), "Retry-After": header}
    if status in _CHALLENGED:
        header = OpenAPIHeader(Schema(type=OpenAPIType.STRING), description="How to prove who asks (RFC 6750).")
        response.headers = {**(response.headers or {}), "WWW-Authenticate": header}
    for described in (response.headers or {}).values():
        if isinstance(described, OpenAPIHeader) and described.schema is None:
            described.schema = Schema(type=OpenAPIType.STRING)  # the framework leaves it out, and it may not be
    for media in (response.content or {}).values():
        for name, example in (media.examples or {}).items():
            if isinstance(example, Example) and media.examples is not None:
                media.examples[name] = replace(example, id=None)  # the framework's own: OpenAPI knows no such field


def operations(document: OpenAPI) -> Iterator[tuple[str, str, Operation]]:
    """Return all operations of a document, each after its method and path."""
    for path, item in (document.paths or {}).items():
        for method in _METHODS:
            found: Any = getattr(item, method)
            if found is not None:
                yield method.upper(), path, found
