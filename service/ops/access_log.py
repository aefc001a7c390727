"""The access log: one line for each request."""

from __future__ import annotations

import logging

from aiohttp import hdrs, web

from service.http.app_keys import REQUEST_ID

access_log = logging.getLogger("shipyard.access")


def log_access(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    """Log a request. What the client sent is escaped; the query is left out, because it may be confidential."""
    agent = request.headers.get(hdrs.USER_AGENT, "-")
    values = (
        request.remote,
        request.method,
        request.rel_url.raw_path,
        response.status,
        seconds * 1000,
        request[REQUEST_ID],
    )
    access_log.info("%s %s %a %d %.1fms id=%s agent=%.200a", *values, agent)
