"""The contract of every store (service/store/base.py): queries return what the reference implementation returns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.store.base import Add, Condition, Field, Query, Remove, Replace, Sort, Store, encode
from tests.support import query_model
from tests.support.collections import BOOLEAN, FIELDS, NUMBER, TEXT, TEXTS, THINGS

ID = Field("id", "number")
LETTERS = "aAbZ %_\\\"'\n\x1fßſẞéÉİıΣςσǅﬀＡ٣א\u0301\u00ad\ufffd😀𝔸\U0010ffff"
NUMBERS_ALL = [
    0,
    -0.0,
    1,
    1.0,
    2,
    -1,
    0.1,
    0.3,
    0.30000000000000004,
    1e300,
    -1e300,
    5e-324,
    2**53 - 1,
    -(2**53 - 1),
    12.34,
]

texts = st.text(LETTERS, max_size=3)
numbers = st.sampled_from(NUMBERS_ALL) | st.integers(-(2**53) + 1, 2**53 - 1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "number": numbers,
    "boolean": st.booleans(),
    "texts": st.lists(texts | st.none(), max_size=3),
    "numbers": st.lists(numbers | st.booleans(), max_size=3),
}
ANY = st.one_of(st.none(), *VALUES.values(), st.just({"a": ["a"]}))
TESTS: dict[str, list[Any]] = {
    "text": ["eq", "ne", "gt", "gte", "lt", "lte", "like"],
    "number": ["eq", "ne", "gt", "gte", "lt", "lte"],
    "boolean": ["eq", "ne"],
    "texts": ["has", "like"],
    "numbers": ["has"],
}

records = st.fixed_dictionaries(
    {}, optional={field.name: VALUES[field.kind] | ANY if field.name != "plain ♥" else texts for field in FIELDS}
)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from([*FIELDS, ID]))
    test = draw(st.sampled_from(TESTS[field.kind]))
    one = st.integers(0, 30) if field == ID else VALUES[field.kind.removesuffix("s")]
    most = 1 if test in ("gt", "gte", "lt", "lte") else 3
    return Condition(field, test, tuple(draw(st.lists(one, min_size=1, max_size=most))))


@st.composite
def queries(draw: st.DrawFn) -> Query:
    sorts = st.builds(Sort, st.sampled_from([TEXT, NUMBER, BOOLEAN, ID]), st.booleans())
    sort = tuple(draw(st.lists(sorts, max_size=2)))
    return Query(
        where=tuple(draw(st.lists(conditions(), max_size=2))),
        search=draw(st.none() | texts),
        searched=tuple(
            draw(st.lists(st.sampled_from([field for field in FIELDS if "text" in field.kind]), unique=True))
        ),
        sort=sort,
        start=draw(st.integers(0, 4)),
        limit=draw(st.sampled_from([0, 1, 3, 1000])),
        after=draw(st.none() | st.integers(0, 9)) if not sort else None,
    )


# All examples use the same store; each removes the records of the previous one.
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(records, max_size=8), queries=st.lists(queries(), min_size=1, max_size=6))
async def test_every_query_returns_what_the_reference_returns(
    store: Store, data: list[Any], queries: list[Query]
) -> None:
    old = (await store.find(THINGS, Query())).records
    await store.write(
        *(Remove(THINGS, record.id) for record in old), *(Add(THINGS, d, n) for n, d in enumerate(data, 1))
    )
    expected = dict(enumerate(data, 1))
    for query in queries:
        ids, total = query_model.page(expected, query)
        page = await store.find(THINGS, query)
        assert ([record.id for record in page.records], page.total) == (ids, total), query
        assert [record.body for record in page.records] == [encode(id, expected[id]) for id in ids]
        assert page.body == b"[" + b",".join(encode(id, expected[id]) for id in ids) + b"]"


async def test_queries_on_many_records_return_what_the_reference_returns(store: Store) -> None:
    things, removed, pages = _many()
    await store.write(*(Add(THINGS, data) for data in things))
    await store.write(*(Remove(THINGS, id) for id in removed))
    for query, expected in pages:
        page = await store.find(THINGS, query)
        assert ([record.id for record in page.records], page.total) == expected, query


@cache  # the reference is slower than the stores
def _many() -> tuple[list[dict[str, Any]], list[int], list[tuple[Query, tuple[list[int], int]]]]:
    """Return things to add, the ids of those to remove again, and queries with their expected results."""
    random = Random(5)
    words = ["tie", "X-wing", "Straße", "STRASSE", "é", "e\u0301", "😀", ""]
    things = [_thing(random, words) for _ in range(1500)]
    removed = random.sample(range(1, 1501), 150)
    remaining = {id: data for id, data in enumerate(things, 1) if id not in removed}
    return things, removed, [(query, query_model.page(remaining, query)) for query in _pages()]


def _thing(random: Random, words: list[str]) -> dict[str, Any]:
    return {
        "text": random.choice([" ".join(random.choices(words, k=3)), None]),
        "number": random.choice([random.randrange(100), *(random.uniform(0, 200) for _ in range(5)), None]),
        "boolean": random.choice([True, False]),
        "texts": random.sample(words, 2),
    }


def _pages() -> Iterator[Query]:
    most = Condition(NUMBER, "lt", (190,))
    wheres = [(), (most,), (most, Condition(TEXT, "like", ("strasse",))), (Condition(TEXTS, "has", ("é",)),)]
    sorts = [
        (),
        (Sort(NUMBER),),
        (Sort(TEXT, True),),
        (Sort(BOOLEAN, True), Sort(NUMBER, True)),
        (Sort(TEXT), Sort(ID)),
    ]
    for where, sort in product(wheres, sorts):
        for start in (0, 90, 660, 1345):
            yield Query(where, sort=sort, start=start, limit=10)
        yield Query(where, search="wing", searched=(TEXT, TEXTS), sort=sort, start=1, limit=500)
    for where in wheres:
        yield Query(where, start=5, limit=10, after=700)
    for start in range(0, 1400, 100):
        yield Query(sort=(Sort(NUMBER, True),), start=start, limit=50)
    for limit in range(1, 20, 3):
        yield Query(sort=(Sort(NUMBER, True),), limit=limit)


ODD_VALUES = [None, True, 1, "1", "a", [True], [1], ["a"], [["a"]], {"k": "a"}, {"k": 1}]


@pytest.mark.parametrize(
    ("kind", "test", "value", "found"),
    [
        ("number", "eq", 1, [1]),
        ("number", "gt", -1, [1]),
        ("text", "gte", "", ["1", "a"]),
        ("text", "like", "", ["1", "a"]),
        ("boolean", "eq", True, [True]),
        ("texts", "has", "a", [["a"]]),
        ("texts", "like", "", [["a"]]),
        ("numbers", "has", 1, [[1]]),
    ],
)
async def test_a_value_of_another_kind_is_treated_as_missing(
    store: Store, kind: Any, test: Any, value: Any, found: list[Any]
) -> None:
    await store.write(*(Add(THINGS, {"odd": odd}) for odd in ODD_VALUES), Add(THINGS, {}))
    page = await store.find(THINGS, Query((Condition(Field("odd", kind), test, (value,)),)))
    assert repr([record.data["odd"] for record in page.records]) == repr(found)  # by repr, because 1 == True


@pytest.mark.parametrize(("field", "first"), [(NUMBER, 1), (TEXT, "a"), (BOOLEAN, False)])
async def test_null_missing_and_values_of_another_kind_sort_before_all_others(
    store: Store, field: Field, first: Any
) -> None:
    values = [first, None, [first], {}]
    await store.write(*(Add(THINGS, {field.name: value}) for value in values), Add(THINGS, {}))
    for descending, ids in ((False, [2, 3, 4, 5, 1]), (True, [1, 2, 3, 4, 5])):
        page = await store.find(THINGS, Query(sort=(Sort(field, descending),)))
        assert [record.id for record in page.records] == ids


async def test_a_query_sees_one_state_during_concurrent_writes(store: Store) -> None:
    await store.write(*(Add(THINGS, {"text": "a", "number": 0}) for _ in range(1500)))
    everything = Query(where=(Condition(TEXT, "eq", ("a",)),), sort=(Sort(NUMBER),), limit=5000)

    async def write() -> None:
        for round in range(1, 21):
            replacements = (Replace(THINGS, id, {"text": "a", "number": round}) for id in range(1, 1501, 50))
            await store.write(*replacements, *(Add(THINGS, {"text": "a"}) for _ in range(5)))

    writing = asyncio.create_task(write())
    while not writing.done():
        await asyncio.sleep(0)
        page = await store.find(THINGS, everything)
        assert page.total == len(page.records) >= 1500
        assert len({record.data["number"] for record in page.records if record.id in range(1, 1501, 50)}) == 1
    await writing
