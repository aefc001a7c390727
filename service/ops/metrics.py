"""What Prometheus can ask: how many requests, of which route, with which status, and how long they took."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Protocol

from aiohttp import web
from aiohttp.web import AbstractResource
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service.auth.permissions import probe
from service.openapi.decorators import docs

NAME, HELP = "shipyard_request_seconds", "Time from a request's head to its answer."
LABELS = ("method", "route", "status")
BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
"""Seconds."""


class Series(Protocol):
    """The figures of one route, method and status."""

    def observe(self, amount: float) -> None:
        """Count one request of so many seconds."""


class Tally:
    """A Series of one thread: a quarter of the time that a Histogram of prometheus_client takes, which locks."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def observe(self, amount: float) -> None:
        """Count one request of so many seconds."""
        self.counts[bisect_left(BUCKETS, amount)] += 1
        self.seconds += amount


class Tallies(Collector):
    """The Tally of each label, as prometheus_client collects them."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, ...], Tally] = {}

    def labels(self, *values: str) -> Tally:
        """The one with these labels."""
        return self._tallies.setdefault(values, Tally())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """All of them."""
        family = HistogramMetricFamily(NAME, HELP, labels=LABELS)
        bounds = [*map(str, BUCKETS), "+Inf"]
        for labels, tally in self._tallies.items():
            family.add_metric(labels, list(zip(bounds, accumulate(tally.counts), strict=True)), tally.seconds)
        yield family


class Metrics:
    """The figures of one app. With several workers (PROMETHEUS_MULTIPROC_DIR) a scrape of one tells of all."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        self._all: Histogram | Tallies
        if self._shared:
            self._all = Histogram(NAME, HELP, LABELS, buckets=BUCKETS, registry=self._registry)
        else:
            self._all = Tallies()
            self._registry.register(self._all)
        self._series: dict[tuple[str, AbstractResource | None, int], Series] = {}

    def observe(self, method: str, resource: AbstractResource | None, status: int, seconds: float) -> None:
        """Count one request. Its label is the resource's pattern, so that the number of series is bounded."""
        key = (method, resource, status)
        series = self._series.get(key)
        if series is None:
            route = "none" if resource is None else resource.canonical
            series = self._series[key] = self._all.labels(method, route, str(status))
        series.observe(seconds)

    def page(self) -> bytes:
        """The figures in Prometheus' text format."""
        if not self._shared:
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
