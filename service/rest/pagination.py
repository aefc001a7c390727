"""The headers of a list: the number of records (X-Total-Count) and links to the other pages (Link, RFC 8288)."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import hdrs, web
from multidict import MultiDict
from yarl import URL

from service.http.urls import external_url
from service.rest.list_query import ALL, ListQuery
from service.store.base import Page

WINDOW = ("_start", "_end", "_limit", "_page", "_after")


def page_headers(request: web.Request, listed: ListQuery, page: Page) -> dict[str, str]:
    """Return X-Total-Count, and Link if the list is paged or truncated."""
    headers = {"X-Total-Count": str(page.total)}
    if len(page.records) < page.total or (listed is not ALL and any(name in request.query for name in WINDOW)):
        links = (f'<{url}>; rel="{relation}"' for relation, url in _links(request, listed, page))
        headers[hdrs.LINK] = ", ".join(links)
    return headers


def _links(request: web.Request, listed: ListQuery, page: Page) -> Iterator[tuple[str, str]]:
    for relation, window in _windows(request, listed, page):
        params = MultiDict((name, value) for name, value in request.query.items() if name not in WINDOW)
        params.update(window)
        yield relation, external_url(request, str(URL.build(path=request.path, query=params)))


def _windows(request: web.Request, listed: ListQuery, page: Page) -> Iterator[tuple[str, dict[str, str]]]:
    """Return the link relations, each with the parameters of its page."""
    query = listed.query
    limit = query.limit
    if query.after is not None:
        yield "first", {"_limit": str(limit)}
        if page.records and len(page.records) == limit:
            yield "next", {"_after": str(page.records[-1].id), "_limit": str(limit)}
        return

    def window(start: int) -> dict[str, str]:
        if "_page" in request.query:
            return {"_page": str(start // limit + 1), "_limit": str(limit)}
        if "_end" in request.query:
            return {"_start": str(start), "_end": str(start + limit)}
        return {"_start": str(start), "_limit": str(limit)}

    last = max(0, (page.total - 1) // limit * limit)
    yield "first", window(0)
    if query.start > 0:
        yield "prev", window(max(0, min(query.start - limit, last)))
    if query.start + limit < page.total:
        yield "next", window(query.start + limit)
    yield "last", window(last)
