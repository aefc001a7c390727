"""Lists: json-server's filters, search and sorting, the same on every store; compared with equivalent Python code."""

from __future__ import annotations

import operator
from collections.abc import Callable

import orjson

from service.settings.schema import ROOT
from tests.support.requests import SHIP, Client, Json, bearer, error_body

SHIPS: list[Json] = orjson.loads((ROOT / "data.json").read_bytes())["ships"]
TEXTS = ("affiliation", "category", "manufacturer", "model", "ship_class")

Test = Callable[[Json], bool]


def contains(ship: Json, text: str) -> bool:
    """Return whether any text of a ship contains this one, case-insensitive."""
    return any(text in value.casefold() for value in (*ship["roles"], *(ship[name] for name in TEXTS)))


WHERE: dict[str, Test] = {
    "affiliation=Empire": lambda it: it["affiliation"] == "Empire",
    "affiliation=Empire&affiliation=x": lambda it: it["affiliation"] == "Empire",
    "affiliation=Rebel+Alliance": lambda it: it["affiliation"] == "Rebel Alliance",
    "affiliation=Empire&category=Transports": lambda it: it["id"] == 14,
    "id=1&id=2&id=99&id=2": lambda it: it["id"] in (1, 2),
    "id_gte=14": lambda it: it["id"] >= 14,
    "id_ne=1&id_ne=2": lambda it: it["id"] not in (1, 2),
    "crew=1": lambda it: it["crew"] == 1,
    "crew=01": lambda it: it["crew"] == 1,
    "crew=1&crew=2": lambda it: it["crew"] in (1, 2),
    "crew_gte=850": lambda it: it["crew"] >= 850,
    "crew_lte=2": lambda it: it["crew"] <= 2,
    "crew_gt=2": lambda it: it["crew"] > 2,
    "crew_lt=2": lambda it: it["crew"] < 2,
    "crew_gte=2&crew_lte=7": lambda it: 2 <= it["crew"] <= 7,
    "crew_ne=1": lambda it: it["crew"] != 1,
    "crew_ne=1&crew_ne=2": lambda it: it["crew"] not in (1, 2),
    "category_ne=Starfighters": lambda it: it["category"] != "Starfighters",
    "category_gte=Escort": lambda it: it["category"] >= "Escort",
    "category_lt=Escort": lambda it: it["category"] < "Escort",
    "model_gt=TIE": lambda it: it["model"] > "TIE",
    "model_like=tie": lambda it: "tie" in it["model"].casefold(),
    "model_like=TIE/": lambda it: "tie/" in it["model"].casefold(),
    "model_like=tie&model_like=wing": lambda it: any(text in it["model"].casefold() for text in ("tie", "wing")),
    "roles=Escort": lambda it: "Escort" in it["roles"],
    "roles=Escort&roles=Bomber": lambda it: not {"Escort", "Bomber"}.isdisjoint(it["roles"]),
    "roles_like=esc": lambda it: any("esc" in role.casefold() for role in it["roles"]),
    "q=x-wing": lambda it: contains(it, "x-wing"),
    "q=EMPIRE": lambda it: contains(it, "empire"),
    "q=escort": lambda it: contains(it, "escort"),
    "q=ship&affiliation=Empire&crew_gt=2": lambda it: (
        contains(it, "ship") and it["affiliation"] == "Empire" and it["crew"] > 2
    ),
}
NO_SHIP = [
    "affiliation=empire",
    "affiliation=",
    "id=0",
    "id=-1",
    "crew_gt=2&crew_lt=2",
    "model_like=.",
    "model_like=.*",
    "model_like=%25",
    "model_like=_",
    "model_like=%5C",
    "model_like=T%3F",
    "model_like=[T]",
    "model_like=%27",
    "model_like=^T",
    "roles=escort",
    "roles=Esc",
    "q=37085",
    "q=%25",
    "model=' OR 1=1 --",
    "model='; DROP TABLE records; --",
]
EVERY_SHIP = [
    "affiliation=Empire&affiliation=Rebel%20Alliance",
    "crew_gt=-9007199254740991&crew_lt=9007199254740991",
    "model_like=",
    "q=",
]


async def test_a_filter_returns_the_matching_records(client: Client) -> None:
    tests = [*WHERE.items(), *((query, bool) for query in EVERY_SHIP), *((query, operator.not_) for query in NO_SHIP)]
    for query, test in tests:
        expected = [ship for ship in SHIPS if test(ship)]
        response = await client.get(f"/api/ships?{query}")
        assert (response.status, await response.json()) == (200, expected), query
        assert response.headers["X-Total-Count"] == str(len(expected)), query
        assert "Link" not in response.headers, query


Keys = list[tuple[str, bool]]

ORDERS: dict[str, Keys] = {
    "_sort=crew": [("crew", False)],
    "_sort=-crew": [("crew", True)],
    "_sort=crew&_order=desc": [("crew", True)],
    "_sort=crew&_order=DESC": [("crew", True)],
    "_sort=-crew&_order=desc": [("crew", False)],
    "_sort=category,length&_order=desc,asc": [("category", True), ("length", False)],
    "_sort=-category,length": [("category", True), ("length", False)],
    "_sort=category,length&_order=desc": [("category", True), ("length", False)],
    "_sort=category,-length": [("category", False), ("length", True)],
    "_sort=category,length,-model": [("category", False), ("length", False), ("model", True)],
    "_sort=model": [("model", False)],
    "_sort=-manufacturer": [("manufacturer", True)],
    "_sort=id": [("id", False)],
    "_sort=-id": [("id", True)],
}


def ordered(ships: list[Json], keys: Keys) -> list[Json]:
    for name, descending in reversed(keys):
        ships = sorted(ships, key=lambda ship: ship[name], reverse=descending)
    return ships


async def test_records_are_sorted_by_value_then_by_id(client: Client) -> None:
    for query, keys in ORDERS.items():
        # Python's sort is stable, also with reverse=True.
        expected = [ship["id"] for ship in ordered(SHIPS, keys)]
        response = await client.get(f"/api/ships?{query}")
        assert [ship["id"] for ship in await response.json()] == expected, query
    response = await client.get("/api/ships?affiliation=Empire&_sort=-length&_start=1&_limit=2")
    empire = [ship for ship in SHIPS if ship["affiliation"] == "Empire"]
    assert await response.json() == ordered(empire, [("length", True)])[1:3]


SPECIAL_TEXTS = [
    "z",
    "Z",
    "é",
    "e\u0301",
    "ß",
    "SS",
    "İ",
    "🚀",
    "\uffee",
    "ﬁn",
    "50%",
    "a_b",
    "a\\b",
    "١",
    "Ω",
    "ω",
    "it's",
]


async def test_special_texts_are_filtered_and_sorted_the_same_on_every_store(client: Client) -> None:
    auth = bearer(client)
    for text in SPECIAL_TEXTS:
        await client.post("/api/ships", json={**SHIP, "category": "special", "model": text}, headers=auth)

    async def models(**params: str) -> list[str]:
        response = await client.get("/api/ships", params={"category": "special", **params})
        return [ship["model"] for ship in await response.json()]

    assert await models() == SPECIAL_TEXTS
    assert await models(_sort="model") == sorted(SPECIAL_TEXTS)
    assert await models(_sort="-model") == sorted(SPECIAL_TEXTS, reverse=True)
    assert await models(model_gte="é") == [text for text in SPECIAL_TEXTS if text >= "é"]
    for text in SPECIAL_TEXTS:
        assert await models(model=text) == [text]
    for needle, found in {
        "É": ["é", "e\u0301"],
        "ss": ["ß", "SS"],
        "FIN": ["ﬁn"],
        "%": ["50%"],
        "_": ["a_b"],
        "\\": ["a\\b"],
        "Ω": ["Ω", "ω"],
        "'": ["it's"],
        "🚀": ["🚀"],
    }.items():
        assert await models(model_like=needle) == found, needle
        assert await models(q=needle) == found, needle


async def test_a_password_can_be_neither_read_nor_used_to_filter_sort_or_search(client: Client) -> None:
    await client.post("/api/users", json={"name": "canary", "password": "canary-secret"})
    for query in (
        *(
            "password=canary-secret",
            "password_ne=x",
            "password_like=argon",
            "password_gte=",
            "password_lt=z",
            "password=a",
        ),
        *("_sort=password", "_sort=-password", "_sort=name,password", "_fields=password", "_fields=id,password"),
    ):
        response = await client.get(f"/api/users?{query}")
        assert (response.status, (await error_body(response))["code"]) == (400, "invalid_parameters"), query
    for text in ("canary-secret", "argon2id", "$argon2id$", "$v=19", "password"):
        response = await client.get("/api/users", params={"q": text})
        assert (await response.json(), response.headers["X-Total-Count"]) == ([], "0")
    response = await client.get("/api/users?name_like=CAN&_fields=id,name&_sort=-name")
    assert await response.json() == [{"id": 3, "name": "canary"}]
