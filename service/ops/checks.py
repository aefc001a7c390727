"""Readiness checks: what must work for the service to handle requests. Plugins can add checks to those built in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

ReadinessCheck = Callable[[], Awaitable[Any]]
"""An asynchronous function that raises an exception if something is not ready. It may be called at any time."""

READINESS_CHECKS: web.AppKey[dict[str, ReadinessCheck]] = web.AppKey("readiness_checks", dict)
"""The checks by name. A plugin adds one in its lifespan: `app[READINESS_CHECKS]["nats"] = client.ping`."""


async def failed_checks(checks: Mapping[str, ReadinessCheck], timeout: float) -> dict[str, str]:
    """Run all checks concurrently; return the reason of each that fails or takes longer than `timeout` seconds."""
    if not checks:
        return {}
    tasks = {asyncio.create_task(_reason(check), name=f"check {name}"): name for name, check in checks.items()}
    try:
        done, late = await asyncio.wait(tasks, timeout=timeout)
    finally:
        # Not awaited: a check that ignores its cancellation must not delay the response.
        for task in tasks:
            task.cancel()
    reasons = {tasks[task]: reason for task in done if (reason := task.result()) is not None}
    return reasons | {tasks[task]: f"no result within {timeout:g} s" for task in late}


async def _reason(check: ReadinessCheck) -> str | None:
    """Return why a check fails, None if it succeeds."""
    try:
        await check()
    except BaseException as error:  # a SystemExit would end the event loop
        return f"{type(error).__name__}: {error}"
    return None
