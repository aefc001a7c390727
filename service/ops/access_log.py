"""The access log: one line a request."""

from __future__ import annotations

import logging

from aiohttp import hdrs, web

from service.http.app_keys import REQUEST_ID

access_log = logging.getLogger("shipyard.access")


def log_access(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    """One line, whatever the client sent: escaped, and without the query, which may be private."""
    agent = request.headers.get(hdrs.USER_AGENT, "-")
    facts = (
        request.remote,
        request.method,
        request.rel_url.raw_path,
        response.status,
        seconds * 1000,
        request[REQUEST_ID],
    )
    access_log.info("%s %s %a %d %.1fms id=%s agent=%.200a", *facts, agent)
