"""The docs page: Swagger UI for the API description, served by this service with relative URLs only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import orjson
import swagger_ui  # type: ignore[import-untyped]  # used only for the path of its files
from aiohttp import web

from service.auth.permissions import public

PAGE = Path(__file__).parent / "static"
SWAGGER = Path(swagger_ui.__file__).parent / "static"
FILES = {
    "favicon-32x32.png": SWAGGER / "favicon-32x32.png",
    "init.js": PAGE / "init.js",
    "swagger-ui-bundle.js": SWAGGER / "swagger-ui-bundle.js",
    "swagger-ui.css": SWAGGER / "swagger-ui.css",
}
HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # the icons in Swagger UI's style sheet are data
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def routes(document: dict[str, Any], title: str) -> list[web.RouteDef]:
    """Return the routes: /api/docs, the page; /api/docs/openapi.json; /api/docs/{file}, the page's files."""
    page = Template((PAGE / "index.html").read_text("utf-8")).substitute(title=escape(title)).encode()
    return [
        web.get("/api/docs", _fixed(page, "text/html; charset=utf-8")),
        web.get("/api/docs/openapi.json", _fixed(orjson.dumps(document), "application/json")),
        web.get("/api/docs/{file}", _file),
    ]


def _fixed(body: bytes, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    headers = {**HEADERS, "Content-Type": content_type, "Content-Security-Policy": POLICY}

    @public
    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers)

    return respond


@public
async def _file(request: web.Request) -> web.FileResponse:
    path = FILES.get(request.match_info["file"])
    if path is None:
        raise web.HTTPNotFound
    return web.FileResponse(path, headers=HEADERS)
