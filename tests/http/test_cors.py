"""Cross-origin requests: nobody is let in by default, the listed origins are, and a preflight needs no token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from service.errors import StartupError
from service.testing import settings_for_tests
from tests.support.requests import SHIP, Client, bearer

MakeClient = Callable[..., Awaitable[Client]]

GOOD, OTHER = "https://admin.example.org", "http://localhost:3000"
CORS = {"origins": [GOOD, OTHER]}
STRANGERS = [
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
    wanted = "authorization, content-type, if-match, idempotency-key"
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted}


def said(headers: object) -> set[str]:
    return {str(name) for name in headers if str(name).startswith("Access-Control-")}  # type: ignore[attr-defined]


async def test_by_default_no_origin_is_let_in(make_client: MakeClient) -> None:
    client = await make_client()
    for origin in (GOOD, "null", str(client.make_url("")).rstrip("/")):
        answer = await client.get("/api/ships", headers={"Origin": origin})
        assert (answer.status, said(answer.headers), "Vary" in answer.headers) == (200, set(), False)
        answer = await client.options("/api/ships/1", headers=preflight(origin))
        assert (answer.status, said(answer.headers)) == (204, set())


@pytest.mark.parametrize("origin", CORS["origins"])
async def test_a_listed_origin_may_read_every_answer(make_client: MakeClient, origin: str) -> None:
    client = await make_client(cors=CORS, docs=True)
    headers = {"Origin": origin}
    answers = [
        await client.get("/api/ships", headers=headers),
        await client.get("/api/ships/99", headers=headers),
        await client.get("/nowhere", headers=headers),
        await client.post("/api/ships", json=SHIP, headers=headers),
        await client.post("/api/ships", json=SHIP, headers={**headers, **bearer(client)}),
        await client.get("/api/docs/openapi.json", headers=headers),
    ]
    assert [answer.status for answer in answers] == [200, 404, 404, 401, 201, 200]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED
        assert answer.headers.getall("Vary") == ["Origin"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_preflight_is_answered_before_anybody_asks_for_a_token(make_client: MakeClient) -> None:
    client = await make_client(cors=CORS)
    for path, method in (
        ("/api/ships/1", "PUT"),
        ("/auth/logout", "DELETE"),
        ("/api/users/1", "PATCH"),
        ("/api/ships", "POST"),
    ):
        answer = await client.options(path, headers=preflight(GOOD, method))
        assert (answer.status, await answer.read()) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == GOOD
        assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
        allowed = set(answer.headers["Access-Control-Allow-Headers"].lower().split(", "))
        assert allowed >= {
            "authorization",
            "content-type",
            "if-match",
            "if-none-match",
            "idempotency-key",
            "x-request-id",
        }
        assert int(answer.headers["Access-Control-Max-Age"]) > 0
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_an_origin_that_is_not_listed_gets_nothing_and_caches_are_told_why(make_client: MakeClient) -> None:
    client = await make_client(cors=CORS)
    for origin in STRANGERS:
        answer = await client.get("/api/ships/1", headers={"Origin": origin})
        assert (answer.status, said(answer.headers), answer.headers["Vary"]) == (200, set(), "Origin"), origin
        answer = await client.options("/api/ships/1", headers=preflight(origin))
        assert (answer.status, said(answer.headers), answer.headers["Vary"]) == (204, set(), "Origin"), origin
    answer = await client.get("/api/ships/1")
    assert (said(answer.headers), answer.headers["Vary"]) == (set(), "Origin")


async def test_options_without_a_preflights_headers_says_which_methods_there_are(make_client: MakeClient) -> None:
    client = await make_client(cors=CORS)
    answer = await client.options("/auth/login", headers={"Origin": GOOD})
    assert (answer.status, answer.headers["Allow"]) == (204, "OPTIONS, POST")
    assert answer.headers["Access-Control-Allow-Origin"] == GOOD


@pytest.mark.parametrize(
    "origin", ["*", "null", "admin.example.org", "https://a/", "https://*.a", "https://a b", "ftp://a", ""]
)
def test_what_is_no_origin_cannot_be_listed(origin: str) -> None:
    with pytest.raises(StartupError, match=r"cors\.origins"):
        settings_for_tests(cors={"origins": [origin]})
