"""Metrics for Prometheus: every request is counted once, by its route and not by its path."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.ops.metrics import BUCKETS, HELP, LABELS, NAME, LocalHistogram
from tests.support.requests import Client

MakeClient = Callable[..., Awaitable[Client]]
Labels = tuple[str, str, str]


def counts(text: str) -> dict[Labels, float]:
    """Return the number of requests in the Prometheus text, by method, route and status."""
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "shipyard_request_seconds_count"
    }


def test_a_local_histogram_has_the_same_output_as_a_histogram_of_prometheus_client() -> None:
    registry, local_registry = CollectorRegistry(), CollectorRegistry()
    histogram, local = Histogram(NAME, HELP, LABELS, buckets=BUCKETS, registry=registry), LocalHistogram()
    local_registry.register(local)
    for labels in [("GET", "/api/ships/{id}", "200"), ("PUT", 'a "quote"\n', "500")]:
        for seconds in (0.0, *BUCKETS, 0.00100001, 0.3, 2.5000001, 1e9):
            for series in (histogram.labels(*labels), local.labels(*labels)):
                series.observe(seconds)
    expected = [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]
    assert generate_latest(local_registry).decode().splitlines() == expected


async def test_each_request_is_counted_by_method_route_and_status(make_client: MakeClient) -> None:
    client = await make_client()
    for method, path in [
        ("GET", "/api/ships/1"),
        ("GET", "/api/ships/2?x="),
        ("GET", "/api/ships/999"),
        ("HEAD", "/api/ships/1"),
        ("GET", "/api/ships?_limit=2"),
        ("POST", "/api/ships"),
        ("TRACE", "/api/ships"),
        ("OPTIONS", "/api/ships"),
        ("GET", "/canary"),
        ("GET", "/api/ships/canary"),
    ]:
        await client.request(method, path)
    response = await client.get("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert response.headers["Cache-Control"] == "no-store"
    text = await response.text()
    assert counts(text) == {
        ("GET", "/api/ships/{id}", "200"): 1,
        ("GET", "/api/ships/{id}", "400"): 1,
        ("GET", "/api/ships/{id}", "404"): 1,
        ("HEAD", "/api/ships/{id}", "200"): 1,
        ("GET", "/api/ships", "200"): 1,
        ("POST", "/api/ships", "401"): 1,
        ("TRACE", "none", "405"): 1,
        ("OPTIONS", "none", "204"): 1,
        ("GET", "none", "404"): 2,
    }
    assert "canary" not in text
    assert counts(await (await client.get("/metrics")).text())["GET", "/metrics", "200"] == 1


async def test_two_apps_in_one_process_have_separate_metrics(make_client: MakeClient) -> None:
    first, second = await make_client(), await make_client()
    await first.get("/api/ships/1")
    assert counts(await (await second.get("/metrics")).text()) == {}


async def test_unknown_paths_share_one_series(make_client: MakeClient) -> None:
    client = await make_client()
    for number in range(50):
        await client.get(f"/{number}/{number}")
        await client.get(f"/api/ships/{number + 1000}")
    assert counts(await (await client.get("/metrics")).text()) == {
        ("GET", "none", "404"): 50,
        ("GET", "/api/ships/{id}", "404"): 50,
    }


async def test_the_metrics_can_be_switched_off(make_client: MakeClient) -> None:
    client = await make_client(metrics=False, docs=True)
    assert (await client.get("/api/ships/1")).status == 200
    assert (await client.get("/metrics")).status == 404
    document = await (await client.get("/api/docs/openapi.json")).json()
    assert "/metrics" not in document["paths"]


WORKERS = """
import os
from aiohttp.web import UrlDispatcher
from service.ops.metrics import Metrics

metrics = Metrics()
ships, ship = (UrlDispatcher().add_resource(path) for path in ("/api/ships", "/api/ships/{id}"))
metrics.observe("GET", ships, 200, 0.002)
child = os.fork()
if child == 0:
    metrics.observe("GET", ships, 200, 0.002)
    metrics.observe("PUT", ship, 200, 0.002)
    os._exit(0)
os.waitpid(child, 0)
print(metrics.text().decode())
"""


def test_the_metrics_of_one_worker_include_those_of_all(tmp_path: Path) -> None:
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", WORKERS], env=environ, stdout=subprocess.PIPE, text=True, check=True)
    assert counts(done.stdout) == {("GET", "/api/ships", "200"): 2, ("PUT", "/api/ships/{id}", "200"): 1}
