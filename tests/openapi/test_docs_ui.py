"""The docs page: its files, and its Content-Security-Policy."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import orjson
import pytest
from aiohttp import web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient
from yarl import URL

from service.auth.permissions import public, rule_of
from service.openapi import docs_ui

DOCUMENT = {"openapi": "3.1.0", "info": {"title": "Title"}, "paths": {}}
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Client:
    app = web.Application()
    app.add_routes(docs_ui.routes(DOCUMENT, "Title <1>"))
    return await aiohttp_client(app)


async def test_the_document_is_served_as_json(client: Client) -> None:
    response = await client.get("/api/docs/openapi.json")
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    assert orjson.loads(await response.read()) == DOCUMENT


async def test_the_page_loads_only_files_of_this_service_by_relative_urls(client: Client) -> None:
    page = await (await client.get("/api/docs")).text()
    urls = Links.of(page)
    assert len(urls) >= 4
    for url in urls:
        assert re.fullmatch(r"docs/[\w.-]+", url)
        response = await client.get(f"/api/{url}")
        assert (response.status, response.headers["X-Content-Type-Options"]) == (200, "nosniff")


async def test_the_title_is_escaped(client: Client) -> None:
    page = await (await client.get("/api/docs")).text()
    assert "<title>Title &lt;1&gt;</title>" in page


async def test_the_page_has_no_inline_script_or_style(client: Client) -> None:
    page = await (await client.get("/api/docs")).text()
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) == []


async def test_the_policy_allows_only_this_origin(client: Client) -> None:
    response = await client.get("/api/docs")
    policy = dict(rule.split(" ", 1) for rule in response.headers["Content-Security-Policy"].split("; "))
    assert policy.pop("img-src") == "'self' data:"
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert {*policy.values()} == {"'none'", "'self'"}
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("init.js", "javascript"),
        ("swagger-ui-bundle.js", "javascript"),
        ("swagger-ui.css", "css"),
        ("favicon-32x32.png", "png"),
    ],
)
async def test_files_have_media_types_and_are_revalidated(client: Client, name: str, kind: str) -> None:
    response = await client.get(f"/api/docs/{name}")
    assert response.content_type.endswith(f"/{kind}")
    assert response.headers["Cache-Control"] == "no-cache"
    unchanged = await client.get(f"/api/docs/{name}", headers={"If-None-Match": response.headers["ETag"]})
    assert unchanged.status == 304


@pytest.mark.parametrize(
    "path",
    [
        *("", "index.html", "swagger-editor.js", "oauth2-redirect.html", "LICENSE", "init.js/", "x/init.js"),
        *("..%2f..%2fdocs.py", "%2e%2e/docs.py", "..%5cdocs.py", "%2fetc%2fpasswd", "init.js%00", "INIT.JS"),
    ],
)
async def test_no_other_file_is_served(client: Client, path: str) -> None:
    response = await client.get(URL(f"/api/docs/{path}", encoded=True))
    assert response.status == 404


def test_all_routes_are_public() -> None:
    assert {rule_of(route.handler) for route in docs_ui.routes(DOCUMENT, "Title")} == {public}


class Links(HTMLParser):
    """The URLs that a page loads or links to."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the signature of the base class
        self.urls += [value or "" for name, value in attrs if name in ("src", "href")]

    @classmethod
    def of(cls, page: str) -> list[str]:
        links = cls()
        links.feed(page)
        return links.urls
