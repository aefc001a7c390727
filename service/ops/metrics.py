"""Metrics for Prometheus: the number of requests and their durations, by method, route and status."""

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

NAME, HELP = "shipyard_request_seconds", "Time from receiving a request to having its response, in seconds."
LABELS = ("method", "route", "status")
BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
"""Upper bounds in seconds."""


class Series(Protocol):
    """The durations of the requests with one method, route and status."""

    def observe(self, amount: float) -> None:
        """Add a request that took `amount` seconds."""


class LocalSeries:
    """A Series for a single thread: without locks, four times as fast as a Histogram of prometheus_client."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def observe(self, amount: float) -> None:
        """Add a request that took `amount` seconds."""
        self.counts[bisect_left(BUCKETS, amount)] += 1
        self.seconds += amount


class LocalHistogram(Collector):
    """A histogram for a single thread, in the form that prometheus_client collects."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, ...], LocalSeries] = {}

    def labels(self, *values: str) -> LocalSeries:
        """Return the series with these label values."""
        return self._series.setdefault(values, LocalSeries())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield all series as one metric family."""
        family = HistogramMetricFamily(NAME, HELP, labels=LABELS)
        bounds = [*map(str, BUCKETS), "+Inf"]
        for labels, series in self._series.items():
            family.add_metric(labels, list(zip(bounds, accumulate(series.counts), strict=True)), series.seconds)
        yield family


class Metrics:
    """The metrics of an app. With several workers (PROMETHEUS_MULTIPROC_DIR), each one returns the sum of all."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        self._histogram: Histogram | LocalHistogram
        if self._shared:
            self._histogram = Histogram(NAME, HELP, LABELS, buckets=BUCKETS, registry=self._registry)
        else:
            self._histogram = LocalHistogram()
            self._registry.register(self._histogram)
        self._series: dict[tuple[str, AbstractResource | None, int], Series] = {}

    def observe(self, method: str, resource: AbstractResource | None, status: int, seconds: float) -> None:
        """Add a request. Its route label is the path template, so that the number of series is bounded."""
        key = (method, resource, status)
        series = self._series.get(key)
        if series is None:
            route = "none" if resource is None else resource.canonical
            series = self._series[key] = self._histogram.labels(method, route, str(status))
        series.observe(seconds)

    def text(self) -> bytes:
        """Return the metrics in the Prometheus text format."""
        if not self._shared:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # its __init__ is not typed
        return generate_latest(registry)


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


@probe
@docs(
    summary="Metrics for Prometheus",
    tags=["service"],
    produces=["text/plain"],
    responses={
        200: {
            "description": "The metrics in the Prometheus text format.",
            "example": "# TYPE shipyard_request_seconds histogram\n",
        }
    },
)
async def scrape(request: web.Request) -> web.Response:
    """GET /metrics: return all metrics."""
    return web.Response(body=request.app[METRICS].text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


routes = [web.get("/metrics", scrape)]
