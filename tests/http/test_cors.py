"""CORS: no origin is allowed by default, the configured ones are, and a preflight needs no token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from service.errors import StartupError
from service.testing import settings_for_tests
from tests.support.requests import SHIP, Client, bearer

MakeClient = Callable[..., Awaitable[Client]]

FIRST, SECOND = "https://admin.example.org", "http://localhost:3000"
CORS = {"origins": [FIRST, SECOND]}
NOT_ALLOWED = [
    *("https://evil.example", "https://admin.example.org.evil.example", "https://admin.example.org:444", "null", "*"),
    *(
        "http://admin.example.org",
        "https://ADMIN.example.org",
        "https://admin.example.org/",
        "",
        "https://admin.example.or",
    ),
]
EXPOSED = {"ETag", "Link", "Location", "Retry-After", "X-Request-ID", "X-Total-Count"}


def preflight(origin: str, method: str = "PUT") -> dict[str, str]:
    names = "authorization, content-type, if-match, idempotency-key"
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": names}


def cors_headers(headers: object) -> set[str]:
    """Return the names of the Access-Control-* headers."""
    return {str(name) for name in headers if str(name).startswith("Access-Control-")}  # type: ignore[attr-defined]


async def test_no_origin_is_allowed_by_default(make_client: MakeClient) -> None:
    client = await make_client()
    for origin in (FIRST, "null", str(client.make_url("")).rstrip("/")):
        response = await client.get("/api/ships", headers={"Origin": origin})
        assert (response.status, cors_headers(response.headers), "Vary" in response.headers) == (200, set(), False)
        response = await client.options("/api/ships/1", headers=preflight(origin))
        assert (response.status, cors_headers(response.headers)) == (204, set())


@pytest.mark.parametrize("origin", CORS["origins"])
async def test_a_configured_origin_may_read_every_response(make_client: MakeClient, origin: str) -> None:
    client = await make_client(cors=CORS, docs=True)
    headers = {"Origin": origin}
    responses = [
        await client.get("/api/ships", headers=headers),
        await client.get("/api/ships/99", headers=headers),
        await client.get("/nowhere", headers=headers),
        await client.post("/api/ships", json=SHIP, headers=headers),
        await client.post("/api/ships", json=SHIP, headers={**headers, **bearer(client)}),
        await client.get("/api/docs/openapi.json", headers=headers),
    ]
    assert [response.status for response in responses] == [200, 404, 404, 401, 201, 200]
    for response in responses:
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert set(response.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED
        assert response.headers.getall("Vary") == ["Origin"]
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_preflight_needs_no_token(make_client: MakeClient) -> None:
    client = await make_client(cors=CORS)
    for path, method in (
        ("/api/ships/1", "PUT"),
        ("/auth/logout", "DELETE"),
        ("/api/users/1", "PATCH"),
        ("/api/ships", "POST"),
    ):
        response = await client.options(path, headers=preflight(FIRST, method))
        assert (response.status, await response.read()) == (204, b"")
        assert response.headers["Access-Control-Allow-Origin"] == FIRST
        assert method in response.headers["Access-Control-Allow-Methods"].split(", ")
        allowed = set(response.headers["Access-Control-Allow-Headers"].lower().split(", "))
        assert allowed >= {
            "authorization",
            "content-type",
            "if-match",
            "if-none-match",
            "idempotency-key",
            "x-request-id",
        }
        assert int(response.headers["Access-Control-Max-Age"]) > 0
        assert "Origin" in response.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_an_origin_that_is_not_configured_gets_no_cors_headers_but_vary(make_client: MakeClient) -> None:
    client = await make_client(cors=CORS)
    for origin in NOT_ALLOWED:
        response = await client.get("/api/ships/1", headers={"Origin": origin})
        assert (response.status, cors_headers(response.headers), response.headers["Vary"]) == (200, set(), "Origin"), (
            origin
        )
        response = await client.options("/api/ships/1", headers=preflight(origin))
        assert (response.status, cors_headers(response.headers), response.headers["Vary"]) == (204, set(), "Origin"), (
            origin
        )
    response = await client.get("/api/ships/1")
    assert (cors_headers(response.headers), response.headers["Vary"]) == (set(), "Origin")


async def test_options_without_preflight_headers_returns_the_allowed_methods(make_client: MakeClient) -> None:
    client = await make_client(cors=CORS)
    response = await client.options("/auth/login", headers={"Origin": FIRST})
    assert (response.status, response.headers["Allow"]) == (204, "OPTIONS, POST")
    assert response.headers["Access-Control-Allow-Origin"] == FIRST


@pytest.mark.parametrize(
    "origin", ["*", "null", "admin.example.org", "https://a/", "https://*.a", "https://a b", "ftp://a", ""]
)
def test_an_invalid_origin_is_an_error_of_the_settings(origin: str) -> None:
    with pytest.raises(StartupError, match=r"cors\.origins"):
        settings_for_tests(cors={"origins": [origin]})
