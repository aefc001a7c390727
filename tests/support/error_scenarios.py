"""For each error of the catalogue, a scenario in which a client gets it from a running service."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from random import Random
from string import ascii_letters

import asyncpg
from aiohttp.http_parser import HttpRequestParserPy

from service.auth.permissions import rule_of
from service.auth.tokens import Tokens
from service.http.app_keys import STORE
from service.store.sqlite import connection as sqlite_connection
from service.testing import SECRET, settings_for_tests
from tests.support.error_requests import JSON, SINGLE_REQUESTS, TOKEN, Environment, Received, Scenario, received
from tests.support.raw_http import ask, connected, request
from tests.support.requests import SHIP, bearer

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}

SCENARIOS = dict(SINGLE_REQUESTS)
"""By the name of the catalogue's entry."""


def scenario(function: Scenario) -> Scenario:
    """Register the scenario of the entry that has the function's name, in upper case."""
    SCENARIOS[function.__name__.upper()] = function
    return function


@scenario
async def broken_body(environment: Environment) -> Received:
    """Use aiohttp's parser in Python; the one in C does not report errors in a body to the request that reads it."""
    environment.monkeypatch.setattr("aiohttp.web_protocol.HttpRequestParser", HttpRequestParserPy)
    async with connected(await environment.serve()) as connection:
        connection.send(request("POST /api/ships", TOKEN, JSON, "Transfer-Encoding: chunked", "Expect: 100-continue"))
        assert (await connection.response()).status == 100  # the handler now waits for the body
        connection.send(b"not hexadecimal\r\n")
        return Received(*await connection.response())


@scenario
async def body_timeout(environment: Environment) -> Received:
    port = await environment.serve(limits={"body_seconds": 0.1})
    return Received(*await ask(port, request("POST /api/ships", TOKEN, JSON, "Content-Length: 9")))


@scenario
async def overloaded(environment: Environment) -> Received:
    port = await environment.serve(limits={"in_flight": 1})
    async with connected(port) as connection:
        connection.send(request("POST /api/ships", TOKEN, JSON, "Content-Length: 9", "Expect: 100-continue"))
        assert (await connection.response()).status == 100  # the request is in flight until its body is received
        return Received(*await ask(port, request("GET /api/ships")))


PLUGIN = """
from aiohttp import web
from marshmallow import Schema
from marshmallow.fields import String
from service import STORE, Collection, Field, JSONResponse, Resource, public

NAMES = Collection("names", unique="name")
collections = (NAMES,)

class TextSchema(Schema):
    text = String(required=True)

class Texts(Resource):
    path = "/api/texts"
    collection = Collection("texts", indexed=(Field("text", "text"),))
    schema = TextSchema

@public
async def add_name(request):
    record = await request.app[STORE].add(NAMES, {"name": "Hoth"})
    return JSONResponse(record.body, 201)

@public
async def fail(request):
    raise ZeroDivisionError

routes = [*Texts.routes(), web.post("/names", add_name), web.get("/fail", fail)]
"""
"""Errors that no built-in plugin can cause: its handlers raise exceptions of the store, and others."""


@scenario
async def duplicate_value(environment: Environment) -> Received:
    environment.install("texts", PLUGIN)
    client = await environment.make_client()
    assert (await client.post("/names")).status == 201
    return await received(await client.post("/names"))


@scenario
async def internal_error(environment: Environment) -> Received:
    environment.install("texts", PLUGIN)
    return await received(await (await environment.make_client()).get("/fail"))


@scenario
async def value_too_long(environment: Environment) -> Received:
    environment.install("texts", PLUGIN)
    client = await environment.make_client(store=environment.postgres_url)
    text = "".join(Random(1).choices(ascii_letters, k=9000))  # random, because PostgreSQL compresses repeated letters
    return await received(await client.post("/api/texts", json={"text": text}, headers=bearer(client)))


@scenario
async def token_expired(environment: Environment) -> Received:
    last_week = Tokens(settings_for_tests().jwt, SECRET, lambda: time.time() - 7 * 24 * 3600)
    headers = {"Authorization": f"Bearer {last_week.pair(1).access}"}
    return await received(await (await environment.make_client()).delete("/auth/logout", headers=headers))


@scenario
async def token_revoked(environment: Environment) -> Received:
    client = await environment.make_client()
    headers = bearer(client)
    assert (await client.delete("/auth/logout", headers=headers)).status == 200
    return await received(await client.delete("/auth/logout", headers=headers))


@scenario
async def unknown_user(environment: Environment) -> Received:
    client = await environment.make_client()
    assert (await client.delete("/api/users/1", headers=bearer(client))).status == 204
    return await received(await client.delete("/auth/logout", headers=bearer(client)))


@scenario
async def forbidden(environment: Environment) -> Received:
    """Remove the access rule of a handler after the start, which rejects handlers without one."""
    client = await environment.make_client()
    handler = next(route.handler for route in client.app.router.routes() if route.handler.__name__ == "renew")
    assert rule_of(handler)
    environment.monkeypatch.delattr(handler, "access")
    return await received(await client.post("/auth/refresh", headers=bearer(client, type="refresh")))


@scenario
async def idempotency_key_in_use(environment: Environment) -> Received:
    client = await environment.make_client()
    user = {"name": "new user", "password": "more secret"}  # to hash the password takes longer than a request
    responses = await asyncio.gather(*(client.post("/api/users", json=user, headers=KEY) for _ in range(2)))
    return await received(next(response for response in responses if response.status != 201))


@scenario
async def idempotency_key_reused(environment: Environment) -> Received:
    client = await environment.make_client()
    headers = {**bearer(client), **KEY}
    assert (await client.post("/api/ships", json=SHIP, headers=headers)).status == 201
    return await received(await client.post("/api/ships", json={**SHIP, "crew": 1}, headers=headers))


@scenario
async def too_many_logins(environment: Environment) -> Received:
    client = await environment.make_client()
    environment.monkeypatch.setattr("service.auth.passwords.MAX_PENDING", 0)
    return await received(await client.post("/auth/login", json={"username": "user", "password": "password"}))


@scenario
async def not_ready(environment: Environment) -> Received:
    client = await environment.make_client()
    await client.app[STORE].close()
    return await received(await client.get("/health/ready"))


@scenario
async def store_unavailable(environment: Environment) -> Received:
    """Lock the file of a SQLite store."""
    client = await environment.make_client(store=f"sqlite:///{environment.sqlite_file}")
    environment.monkeypatch.setattr(sqlite_connection, "LOCK_TIMEOUT_SECONDS", 0.05)
    with closing(sqlite3.connect(environment.sqlite_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        return await received(await client.post("/api/ships", json=SHIP, headers=bearer(client)))


TERMINATE_AT_COMMIT = """
    CREATE FUNCTION shipyard.terminate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER terminate AFTER INSERT ON shipyard.records_ships
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shipyard.terminate();
"""


@scenario
async def outcome_unknown(environment: Environment) -> Received:
    """Terminate the connection to PostgreSQL during a commit."""
    client = await environment.make_client(store=environment.postgres_url)
    admin = await asyncpg.connect(environment.postgres_url)
    await admin.execute(TERMINATE_AT_COMMIT)
    await admin.close()
    return await received(await client.post("/api/ships", json=SHIP, headers=bearer(client)))


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Limit the size of the files that this process writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@scenario
async def storage_full(environment: Environment) -> Received:
    client = await environment.make_client(store=f"sqlite:///{environment.sqlite_file}")
    log = environment.sqlite_file.with_name("shipyard.db-wal")
    with full_disk(log.stat().st_size):
        return await received(await client.post("/api/ships", json=SHIP, headers=bearer(client)))
