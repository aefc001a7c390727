"""What Prometheus can ask: how many requests, of which route, with which status, and how long they took."""

from __future__ import annotations

import os

from aiohttp import web
from aiohttp.web import AbstractResource
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.access import probe
from service.marks import docs

BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
"""Seconds."""


class Metrics:
    """The figures of one app. With several workers (PROMETHEUS_MULTIPROC_DIR) a scrape of one tells of all."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "shipyard_request_seconds",
            "Time from a request's head to its answer.",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._series: dict[tuple[str, AbstractResource | None, int], Histogram] = {}

    def observe(self, method: str, resource: AbstractResource | None, status: int, seconds: float) -> None:
        """Count one request. Its label is the resource's pattern, so that the number of series is bounded."""
        key = (method, resource, status)
        series = self._series.get(key)
        if series is None:
            route = "none" if resource is None else resource.canonical
            series = self._series[key] = self._seconds.labels(method, route, str(status))
        series.observe(seconds)

    def page(self) -> bytes:
        """The figures in Prometheus' text format."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package leaves this one out
        return generate_latest(registry)


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


@probe
@docs(
    summary="Figures for Prometheus",
    tags=["service"],
    produces=["text/plain"],
    responses={200: {"description": "In its text format.", "example": "# TYPE shipyard_request_seconds histogram\n"}},
)
async def scrape(request: web.Request) -> web.Response:
    """GET /metrics."""
    return web.Response(body=request.app[METRICS].page(), headers={"Content-Type": CONTENT_TYPE_LATEST})


routes = [web.get("/metrics", scrape)]
