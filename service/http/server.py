"""The HTTP server: serves an app until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from typing import Any

from aiohttp import web

from service import errors
from service.errors import HTTPError, StartupError
from service.http.app_keys import SETTINGS
from service.http.error_handlers import error_response
from service.http.request_id import new_request_id
from service.http.response import complete

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GC_THRESHOLD = 10_000
"""Net allocations that start a garbage collection; Python's default is 700 or 2,000."""
LINGERING_SECONDS = 1.0
"""How long an unread rest of a body is received and discarded, so that its sender can read the response."""

log = logging.getLogger("shipyard")


class Connection(web.RequestHandler):
    """A connection. Its responses to malformed HTTP, which never reaches the app, have the usual error body."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  # a placeholder: the request could not be parsed
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # see below
    ) -> web.StreamResponse:
        """Return the error response; the connection is closed after it."""
        request_id = new_request_id()
        if status >= 500:
            log.error("id=%s", request_id, exc_info=exc)
        # `message` quotes the request, which may contain a token.
        kind = errors.INTERNAL_ERROR() if status >= 500 else errors.MALFORMED_REQUEST()
        response = error_response(HTTPError(status, kind.message, headers=errors.CLOSE), request_id)
        complete(response, request_id)
        return response


class Server(web.Server):
    """Creates a Connection for each client."""

    def __init__(self, app_server: web.Server, **options: Any) -> None:
        super().__init__(app_server.request_handler, request_factory=app_server.request_factory, **options)
        self._options = options

    def __call__(self) -> Connection:
        """Return the protocol of a new connection."""
        return Connection(self, loop=asyncio.get_running_loop(), **self._options)


class Runner(web.AppRunner):
    """Runs an app with the Server of this module."""

    _front_server: Server | None = None

    def __init__(self, app: web.Application, *, owns_process: bool = False) -> None:
        """owns_process: the process runs nothing else, so its garbage collector may be tuned for the service."""
        super().__init__(app, access_log=None)
        self._owns_process = owns_process

    async def setup(self) -> None:
        """Start the app."""
        await super().setup()
        inner = super().server
        assert inner is not None  # noqa: S101  # the base class has set it
        options = {"access_log": None, "auto_decompress": False, "lingering_time": LINGERING_SECONDS}
        if self._owns_process:
            # All present objects stay alive. A full collection that examined them would block the event loop for 20 ms.
            gc.collect()
            gc.freeze()
            # With the default, many concurrent requests trigger collections again and again that find nothing.
            gc.set_threshold(GC_THRESHOLD)
        self._front_server = Server(inner, **options)

    @property
    def server(self) -> web.Server | None:
        """The server that sites serve."""
        return self._front_server

    async def cleanup(self) -> None:
        """Stop listening, wait up to limits.stop_seconds for running requests, then stop the app."""
        for site in list(self.sites):
            await site.stop()
        if self._front_server is not None:
            self._front_server.pre_shutdown()
            await self._front_server.shutdown(self.app[SETTINGS].limits.stop_seconds)
        await super().cleanup()


async def serve(app: web.Application) -> None:
    """Serve until SIGINT or SIGTERM, then shut down gracefully. Raises StartupError."""
    settings = app[SETTINGS]
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    runner = Runner(app, owns_process=True)
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            raise StartupError(f"cannot listen on host {settings.host!r}, port {settings.port}: {error}") from error
        log.info("serving http://%s:%d (Ctrl-C ends it)", settings.host, runner.addresses[0][1])
        await stopped.wait()
        for number in SIGNALS:
            loop.remove_signal_handler(number)  # a second signal ends the process at once
    finally:
        await runner.cleanup()
    log.info("stopped")
