"""The table of errors in docs/errors.md: every error that the API document describes is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from service.app import create_app
from service.settings.schema import ROOT
from service.testing import settings_for_tests

ROW = re.compile(r"^\| (\d{3}) \| `(\w+)` \|", re.MULTILINE)


async def test_the_table_lists_every_error_of_the_api_document(aiohttp_client: Any) -> None:
    client = await aiohttp_client(create_app(settings_for_tests()))
    document = await (await client.get("/api/docs/openapi.json")).json()
    rows = [(int(status), code) for status, code in ROW.findall((ROOT / "docs/errors.md").read_text("utf-8"))]
    documented = set(errors(document))
    assert len(documented) > 20
    assert documented <= set(rows)
    assert len(rows) == len(set(rows))
    assert [status for status, _ in rows] == sorted(status for status, _ in rows)


def errors(document: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """The status and code of every error example of every operation."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation.get("responses", {}).items() if isinstance(operation, dict) else ():
                if int(status) >= 400:
                    for media in resolved(document, response).get("content", {}).values():
                        for example in media.get("examples", {}).values():
                            yield int(status), resolved(document, example)["value"]["code"]


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """A part of the document, or what its `$ref` points to."""
    for name in part["$ref"].split("/")[1:] if "$ref" in part else ():
        document = document[name]
    return document if "$ref" in part else part
