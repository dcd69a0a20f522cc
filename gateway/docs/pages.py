"""The pages for people who write clients: Swagger UI at `/docs`, Redoc at `/redoc`. They ask no other host.

All they need comes from this gateway, and their Content-Security-Policy lets a browser ask nobody else, whatever the
scripts would like to fetch (Redoc's logo and its telemetry, for instance).
"""

import asyncio
import hashlib
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from string import Template
from typing import Annotated, Any

import msgspec
from litestar import Litestar, MediaType, Request, Response, get
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from gateway.docs.assets import Asset, Assets

_PREFIX = "/docs/assets/"
_RULES = (
    "default-src 'self'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "style-src 'self' 'unsafe-inline'",  # both make style elements as they draw
    "worker-src 'self' blob:",  # Redoc searches in one
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
_HEADERS = {
    "Content-Security-Policy": "; ".join(_RULES),
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}
_FOREVER = "public, max-age=31536000, immutable"
_AGAIN = "no-cache"  # kept, but asked about each time

_SWAGGER = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pulmo: the API (Swagger UI)</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="$page_css">
<link rel="stylesheet" href="$swagger_ui_css">
</head>
<body>
<div id="page"></div>
<script src="$swagger_ui_bundle_js"></script>
<script src="$swagger_js"></script>
</body>
</html>
""")
_REDOC = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pulmo: the API (Redoc)</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="$page_css">
<link rel="modulepreload" id="redoc-file" href="$redoc_standalone_js">
</head>
<body>
<div id="page"></div>
<script type="module" src="$redoc_js"></script>
</body>
</html>
""")


def doc_routes(assets: Assets) -> Sequence[HTTPRouteHandler]:
    """Return the endpoints of the pages, of their files, and of the document that they show."""
    names = ("page.css", "swagger-ui.css", "swagger-ui-bundle.js", "swagger.js", "redoc.standalone.js", "redoc.js")

    described = cache(_described)

    async def fill(page: Template) -> Response[str]:
        addresses = {}
        for name in names:
            asset = await asyncio.to_thread(assets.get, name)
            if asset is None:
                raise NotFoundException("the package `offapi`, which holds the pages' scripts, is not installed")
            addresses[name.replace(".", "_").replace("-", "_")] = f"{_PREFIX}{name}?v={asset.digest}"
        return Response(page.substitute(addresses), media_type=MediaType.HTML, headers=_HEADERS)

    @get("/docs", include_in_schema=False)
    async def swagger() -> Response[str]:
        """Show the API in Swagger UI, where it can be tried."""
        return await fill(_SWAGGER)

    @get("/redoc", include_in_schema=False)
    async def redoc() -> Response[str]:
        """Show the API in Redoc, to read."""
        return await fill(_REDOC)

    @get(_PREFIX + "{name:str}", include_in_schema=False)
    async def asset(
        request: Request[Any, Any, Any], name: str, version: Annotated[str, Parameter(query="v")] = ""
    ) -> Response[bytes]:
        """Return a file of the pages."""
        found = await asyncio.to_thread(assets.get, name)
        if found is None:
            raise NotFoundException(f"the pages have no file {name[:40]!r}")
        return _answer(request, found, _FOREVER if version == found.digest else _AGAIN)

    @get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Return the OpenAPI document, as `/schema/openapi.json` does."""
        return _answer(request, await asyncio.to_thread(described, request.app), _AGAIN)

    return swagger, redoc, asset, openapi


def _described(app: Litestar) -> Asset:
    body = msgspec.json.encode(app.openapi_schema.to_schema())
    return Asset(body, OpenAPIMediaType.OPENAPI_JSON.value, hashlib.sha256(body).hexdigest()[:32])


def _answer(request: Request[Any, Any, Any], asset: Asset, caching: str) -> Response[bytes]:
    tag = f'"{asset.digest}"'
    headers = {"ETag": tag, "Cache-Control": caching, "X-Content-Type-Options": "nosniff"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.media_type)
