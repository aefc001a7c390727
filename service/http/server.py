"""Serves an app on a socket until it is told to stop."""

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
GARBAGE = 10_000
"""New objects before the garbage collector looks for cycles; Python's own is 700, or 2,000."""
LINGERING_SECONDS = 1.0
"""How long the rest of a body that nobody wants is read on, so that its sender gets to see the answer."""

log = logging.getLogger("shipyard")


class Connection(web.RequestHandler):
    """A connection that responds with the usual error body to what never reaches the app: malformed HTTP."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  # it could not be read: there is nothing in it
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # in the signature that aiohttp calls
    ) -> web.StreamResponse:
        """Return the error response; the connection is closed after it."""
        request_id = new_request_id()
        if status >= 500:
            log.error("id=%s", request_id, exc_info=exc)
        # The parser's own message quotes the request, which may contain a token.
        kind = errors.INTERNAL_ERROR() if status >= 500 else errors.MALFORMED_REQUEST()
        response = error_response(HTTPError(status, kind.message, headers=errors.CLOSE), request_id)
        complete(response, request_id)
        return response


class Server(web.Server):
    """Makes a Connection for each client."""

    def __init__(self, app_server: web.Server, **options: Any) -> None:
        super().__init__(app_server.request_handler, request_factory=app_server.request_factory, **options)
        self._options = options

    def __call__(self) -> Connection:
        """The protocol of one more client."""
        return Connection(self, loop=asyncio.get_running_loop(), **self._options)


class Runner(web.AppRunner):
    """Runs an app behind our Server."""

    _front: Server | None = None

    def __init__(self, app: web.Application, *, owns_process: bool = False) -> None:
        """owns_process: nothing else lives in this process, whose garbage collector may be tuned for the service."""
        super().__init__(app, access_log=None)
        self._owns_process = owns_process

    async def setup(self) -> None:
        """Start the app; then it can be served."""
        await super().setup()
        inner = super().server
        assert inner is not None  # noqa: S101  # that is what a setup is
        options = {"access_log": None, "auto_decompress": False, "lingering_time": LINGERING_SECONDS}
        if self._owns_process:
            # What is there now stays: a full collection need not look through it, which would hold the loop for 20 ms.
            gc.collect()
            gc.freeze()
            # Requests that wait for a store at once would else set off collections that find nothing, time and again.
            gc.set_threshold(GARBAGE)
        self._front = Server(inner, **options)

    @property
    def server(self) -> web.Server | None:
        """What a site serves."""
        return self._front

    async def cleanup(self) -> None:
        """Stop listening, let running requests end for limits.stop_seconds, then stop the app."""
        for site in list(self.sites):
            await site.stop()
        if self._front is not None:
            self._front.pre_shutdown()
            await self._front.shutdown(self.app[SETTINGS].limits.stop_seconds)
        await super().cleanup()


async def serve(app: web.Application) -> None:
    """Serve until SIGINT or SIGTERM; both end it cleanly. Raises StartupError."""
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
            loop.remove_signal_handler(number)  # a second one ends it without waiting for anybody
    finally:
        await runner.cleanup()
    log.info("stopped")
