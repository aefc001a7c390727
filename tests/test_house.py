"""The house: the front door, the order of the rooms, their size. What stands here is the diagram."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import service
from service.settings import ROOT

FRONT_DOOR = [
    "ACCOUNTS",
    "BLOCKLIST",
    "CLAIMS",
    "PASSWORDS",
    "REQUEST_ID",
    "SETTINGS",
    "STORE",
    "TOKENS",
    "USERS",
    "Accounts",
    "Add",
    "Answer",
    "Claims",
    "Collection",
    "Condition",
    "Field",
    "Line",
    "Once",
    "Page",
    "Query",
    "Record",
    "Refusal",
    "Remove",
    "Replace",
    "Resource",
    "Rule",
    "Sort",
    "Store",
    "StoreError",
    "docs",
    "is_hash",
    "load",
    "not_too_long",
    "owner",
    "public",
    "read_object",
    "refresh",
    "request_schema",
    "response_schema",
    "unauthorized",
    "user",
]

ROOMS = """
    __main__
    testing, transfer, workers
    app, server
    discovery, lifespan
    conflicts, docs_page, seed
    intake, openapi
    plugin
    __init__
    resource
    paging, routes
    query
    middleware
    health, metrics
    cors, document, idempotency, parameters, refusals
    branch, conditional, quick
    access, body
    answer
    keys
    accounts, blocklist
    passwords, tokens
    store
    config, logs, secret
    settings
    errors, marks, text
"""
"""Top to bottom: a room imports only rooms that stand lower. A folder is one room."""

PROMISE = {"base", "changes", "values"}
"""What all back ends keep; they import it as store/base.py."""
MOST_LINES = 200
MOST_LINES_OF_A_FUNCTION = 40


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """What a module imports when it runs: the module, and the name out of it (or "")."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from ((node.module or "", alias.name) for alias in node.names)


def imported_modules(path: Path) -> set[str]:
    """The modules of service/ that a module imports."""
    names = {name_of(it) for it in modules("service")}
    found = {f"{module}.{name}" if f"{module}.{name}" in names else module for module, name in imports(path)}
    return {name for name in found if name.partition(".")[0] == "service"}


def room_of(name: str) -> str:
    """The room that a module of service/ is, or stands in."""
    return [*name.split("."), "__init__"][1]


def test_the_front_door_is_exactly_this() -> None:
    assert service.__all__ == FRONT_DOOR
    assert [name for name in FRONT_DOOR if not hasattr(service, name)] == []


def test_plugins_come_in_by_the_front_door_and_not_through_each_other() -> None:
    door = {("service", name) for name in FRONT_DOOR}
    for path in modules("plugins"):
        ours = {it for it in imports(path) if it[0].partition(".")[0] in ("service", "plugins", "tests", "bench")}
        assert ours - door == set(), path


def test_the_service_imports_no_plugin_and_nothing_of_the_tests() -> None:
    for path in modules("service"):
        tops = {module.partition(".")[0] for module, _ in imports(path)}
        assert tops.isdisjoint({"plugins", "tests", "bench"}), path


def test_every_room_has_its_place() -> None:
    placed = re.findall(r"\w+", ROOMS)
    assert len(placed) == len(set(placed))
    assert set(placed) == {room_of(name_of(path)) for path in modules("service")}


def test_a_room_imports_only_rooms_further_down() -> None:
    floors = {room: floor for floor, line in enumerate(ROOMS.split("\n")) for room in re.findall(r"\w+", line)}
    for path in modules("service"):
        own = room_of(name_of(path))
        others = {room_of(module) for module in imported_modules(path)} - {own}
        assert {room for room in others if floors[room] <= floors[own]} == set(), path


def test_a_back_end_imports_the_promise_and_its_own_parts_only() -> None:
    for path in modules("service/store"):
        own = {module.removeprefix("service.store.") for module in imported_modules(path)}
        if path.parent.name != "store":
            assert {name.partition(".")[0] for name in own} <= {"base", path.parent.name}, path
        elif path.stem in PROMISE:
            assert own <= PROMISE, path


def test_files_and_functions_are_small() -> None:
    for path in [*modules("service"), *modules("plugins")]:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= MOST_LINES, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= MOST_LINES_OF_A_FUNCTION, f"{path}: {node.name}"


def locks() -> list[Path]:
    """Every file that says which versions are installed."""
    found = [*ROOT.glob("requirements/*.txt"), *ROOT.glob("bench/*.txt"), *ROOT.glob("tests/*/package-lock.json")]
    assert len(found) >= 2
    return found


def test_what_is_installed_is_locked_by_its_hash_and_no_host_is_named() -> None:
    for path in locks():
        text = path.read_text("utf-8")
        assert re.findall(r"\w+://[^\s\"]+|--(?!hash=)\S+", text) == [], path
        if path.suffix == ".txt":
            pinned = re.findall(r"(?m)^([\w.\[\]-]+)==", text)
            assert len(pinned) > 0, path
            assert len(re.findall(r"(?m)^\S.*\\\n    --hash=sha256:", text)) == len(pinned), path
