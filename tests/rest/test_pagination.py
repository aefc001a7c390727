"""Pagination, the Link header, `_fields`, and the errors of query parameters."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from yarl import URL

from service.http.app_keys import STORE
from service.rest.list_query import CONTROLS, MAX_LIMIT
from service.store.base import Add, Collection
from tests.support.requests import SHIP, Client, error_body

MakeClient = Callable[..., Awaitable[Client]]

LINK = re.compile(r'<([^>]*)>; rel="(\w+)"')


async def ids(client: Client, query: str) -> list[int]:
    response = await client.get(f"/api/ships{query}")
    assert response.status == 200, query
    return [ship["id"] for ship in await response.json()]


async def links(client: Client, query: str) -> dict[str, str]:
    """Return the query strings of the links of a response, by relation."""
    response = await client.get(f"/api/ships{query}")
    found = {relation: url for url, relation in LINK.findall(response.headers.get("Link", ""))}
    for url in found.values():
        assert url.startswith(str(client.make_url("/api/ships?")))
    return {relation: URL(url).raw_query_string for relation, url in found.items()}


PAGES: dict[str, list[int]] = {
    "": [*range(1, 16)],
    "?_start=0&_end=3": [1, 2, 3],
    "?_start=3&_end=5": [4, 5],
    "?_end=2": [1, 2],
    "?_start=13&_end=99": [14, 15],
    "?_start=15&_end=16": [],
    "?_start=9007199254740991": [],
    "?_start=12": [13, 14, 15],
    "?_start=2&_limit=2": [3, 4],
    "?_limit=1": [1],
    "?_limit=1000": [*range(1, 16)],
    "?_page=1&_limit=4": [1, 2, 3, 4],
    "?_page=4&_limit=4": [13, 14, 15],
    "?_page=5&_limit=4": [],
    "?_page=1": [*range(1, 11)],
    "?_page=2": [*range(11, 16)],
    "?_after=0": [*range(1, 16)],
    "?_after=13": [14, 15],
    "?_after=13&_limit=1": [14],
    "?_after=99": [],
    "?_after=9007199254740991": [],
    "?_after=5&affiliation=Empire": [6, 7, 9, 10, 14],
    "?_after=5&affiliation=Empire&_limit=2": [6, 7],
    "?affiliation=Empire&_page=2&_limit=3": [7, 9, 10],
    "?_sort=-id&_start=1&_end=3": [14, 13],
}


async def test_a_page_contains_its_records_and_the_total_count(client: Client) -> None:
    for query, expected in PAGES.items():
        assert await ids(client, query) == expected, query
        total = "7" if "affiliation" in query else "15"
        assert (await client.get(f"/api/ships{query}")).headers["X-Total-Count"] == total, query


LINKS: dict[str, dict[str, str]] = {
    "": {},
    "?affiliation=Empire": {},
    "?_limit=15": {"first": "_start=0&_limit=15", "last": "_start=0&_limit=15"},
    "?_start=4&_limit=4": {
        "first": "_start=0&_limit=4",
        "prev": "_start=0&_limit=4",
        "next": "_start=8&_limit=4",
        "last": "_start=12&_limit=4",
    },
    "?_start=3&_end=6": {
        "first": "_start=0&_end=3",
        "prev": "_start=0&_end=3",
        "next": "_start=6&_end=9",
        "last": "_start=12&_end=15",
    },
    "?_page=2&_limit=7": {
        "first": "_page=1&_limit=7",
        "prev": "_page=1&_limit=7",
        "next": "_page=3&_limit=7",
        "last": "_page=3&_limit=7",
    },
    "?_page=3&_limit=5": {"first": "_page=1&_limit=5", "prev": "_page=2&_limit=5", "last": "_page=3&_limit=5"},
    "?_after=3&_limit=5": {"first": "_limit=5", "next": "_after=8&_limit=5"},
    "?_after=12&_limit=5": {"first": "_limit=5"},
    "?_start=2&_limit=4": {
        "first": "_start=0&_limit=4",
        "prev": "_start=0&_limit=4",
        "next": "_start=6&_limit=4",
        "last": "_start=12&_limit=4",
    },
}


async def test_a_page_links_to_the_first_previous_next_and_last_one(make_client: MakeClient) -> None:
    client = await make_client()
    for query, expected in LINKS.items():
        assert await links(client, query) == expected, query


async def test_following_next_returns_every_record_once(client: Client) -> None:
    filters = f"affiliation=Empire&affiliation={quote('Rebel Alliance')}&crew_lt=100&_fields=id"
    for start in ("_limit=4", "_page=1&_limit=4", "_start=0&_end=4", "_after=0&_limit=4"):
        query, read = f"{filters}&{start}", list[int]()
        while query:
            read += await ids(client, f"?{query}")
            query = (await links(client, f"?{query}")).get("next", "")
        assert read == [1, 2, 3, 4, 5, 6, 7, 13, 14, 15], start


async def test_links_contain_the_other_parameters_of_the_request(make_client: MakeClient) -> None:
    client = await make_client()
    found = await links(client, "?affiliation=Rebel+Alliance&model_like=%26%3E%22&_sort=-crew&_limit=2&q=%F0%9F%9A%80")
    others = {"affiliation": "Rebel Alliance", "model_like": '&>"', "_sort": "-crew", "q": "🚀"}
    assert dict(URL(f"?{found['first']}", encoded=True).query) == {**others, "_start": "0", "_limit": "2"}


async def test_a_long_list_is_limited_and_links_to_the_next_page(make_client: MakeClient) -> None:
    client = await make_client()
    ships = Collection("ships")
    await client.app[STORE].write(*(Add(ships, SHIP) for _ in range(MAX_LIMIT)))
    response = await client.get("/api/ships")
    assert (len(await response.json()), response.headers["X-Total-Count"]) == (MAX_LIMIT, "1015")
    assert (await links(client, ""))["next"] == "_start=1000&_limit=1000"
    assert len(await ids(client, "?_start=1000&_limit=1000")) == 15


async def test_fields_selects_the_fields_and_their_order(client: Client) -> None:
    for query, expected in {
        "_fields=id,model&id=1": b'[{"id":1,"model":"T-65 X-Wing"}]',
        "_fields=crew,id&id=9": b'[{"crew":37085,"id":9}]',
        "_fields=roles&id=3": b'[{"roles":["Bomber"]}]',
        "_fields=id&id=99": b"[]",
    }.items():
        assert await (await client.get(f"/api/ships?{query}")).read() == expected


INTEGER = "Not an integer from {} to {}."
NOT_INTEGER = ("abc", "", "-1", "1.0", "1e9", "%2B1", "%201", quote("١"), "0x1", "1_0", "9" * 17, "9" * 5000)
INVALID: list[tuple[str, dict[str, Any]]] = [
    *[(f"_start={text}", {"_start": [INTEGER.format(0, 2**53 - 1)]}) for text in NOT_INTEGER],
    *[(f"_end={text}", {"_end": [INTEGER.format(1, 2**53 - 1)]}) for text in (*NOT_INTEGER, "0")],
    *[(f"_limit={text}", {"_limit": [INTEGER.format(1, MAX_LIMIT)]}) for text in (*NOT_INTEGER, "0", "1001")],
    *[
        (f"_page={text}", {"_page": [INTEGER.format(1, (2**53 - 1) // MAX_LIMIT)]})
        for text in (*NOT_INTEGER, "0", "9007199254741")
    ],
    *[(f"_after={text}", {"_after": [INTEGER.format(0, 2**53 - 1)]}) for text in NOT_INTEGER],
    ("_start=5&_end=5", {"_end": ["Not between _start + 1 and _start + 1000."]}),
    ("_start=5&_end=4", {"_end": ["Not between _start + 1 and _start + 1000."]}),
    ("_start=0&_end=1001", {"_end": ["Not between _start + 1 and _start + 1000."]}),
    ("_page=1&_start=0", {"_start": ["Not together with _page."]}),
    ("_page=1&_end=5", {"_end": ["Not together with _page."]}),
    ("_end=5&_limit=5", {"_limit": ["Not together with _end."]}),
    ("_after=1&_sort=crew", {"_sort": ["Not together with _after."]}),
    ("_after=1&_start=1", {"_start": ["Not together with _after."]}),
    ("_after=1&_page=1", {"_after": ["Not together with _page."]}),
    ("_sort=nothing", {"_sort": ["Cannot sort by 'nothing'."]}),
    ("_sort=roles", {"_sort": ["Cannot sort by 'roles'."]}),
    ("_sort=", {"_sort": ["Cannot sort by ''."]}),
    ("_sort=crew,,length", {"_sort": ["Cannot sort by ''."]}),
    ("_sort=crew,-crew", {"_sort": ["A field is given more than once."]}),
    ("_sort=id,affiliation,category,crew,length,model", {"_sort": ["More than 5 fields."]}),
    (f"_sort={','.join(['id'] * 2600)}", {"_sort": ["More than 5 fields.", "A field is given more than once."]}),
    ("&".join(["crew=1"] * 21), {"crew": ["More than 20 values."]}),
    ("_sort=--crew", {"_sort": ["Cannot sort by '-crew'."]}),
    ("_sort=crew&_order=up", {"_order": ["Not asc or desc for each field of _sort."]}),
    ("_sort=crew&_order=asc,desc", {"_order": ["Not asc or desc for each field of _sort."]}),
    ("_order=asc", {"_order": ["Only together with _sort."]}),
    ("_fields=", {"_fields": ["There is no field ''."]}),
    ("_fields=id,nothing", {"_fields": ["There is no field 'nothing'."]}),
    ("q=a%00b", {"q": ["Not a valid string."]}),
    ("model=a%00b", {"model": ["Not a valid string."]}),
    ("crew_gte=abc", {"crew_gte": ["Not a valid integer."]}),
    ("crew_gte=1&crew_gte=2", {"crew_gte": ["Given more than once."]}),
    ("limit=5", {"limit": ["Unknown parameter."]}),
    ("a=1&a=2&b=3", {"a": ["Unknown parameter."], "b": ["Unknown parameter."]}),
    ("Crew=1", {"Crew": ["Unknown parameter."]}),
    ("crew_=1", {"crew_": ["Unknown parameter."]}),
    ("roles_gte=1", {"roles_gte": ["Unknown parameter."]}),
    ("_expand=x", {"_expand": ["Unknown parameter."]}),
    (
        "crew=x&_limit=0&nothing=1",
        {"crew": ["Not a valid integer."], "_limit": [INTEGER.format(1, MAX_LIMIT)], "nothing": ["Unknown parameter."]},
    ),
]


async def test_an_error_of_a_parameter_is_reported_under_its_name(make_client: MakeClient) -> None:
    client = await make_client()
    for query, message in INVALID:
        response = await client.get(URL(f"/api/ships?{query}", encoded=True))
        expected = {"error": "Bad Request", "message": message, "code": "invalid_parameters"}
        assert (response.status, await error_body(response)) == (400, expected), query[:80]


async def test_a_repeated_control_parameter_is_an_error(make_client: MakeClient) -> None:
    client = await make_client()
    for name in CONTROLS:
        response = await client.get(f"/api/ships?{name}=1&{name}=1")
        assert (response.status, "Given more than once." in (await error_body(response))["message"][name]) == (
            400,
            True,
        ), name


async def test_users_have_the_same_pagination(client: Client) -> None:
    response = await client.get("/api/users?_sort=name&_limit=1")
    assert (await response.json(), response.headers["X-Total-Count"]) == ([{"id": 2, "name": "guest"}], "2")
