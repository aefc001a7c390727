"""The layout: the public API, the order of imports, the size of files and functions. The table below is the diagram."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import service
from service.settings.schema import ROOT

LAYERS = (
    ("errors",),
    ("settings",),
    ("store",),
    ("http", "auth"),
    ("openapi",),
    ("rest",),
    ("discovery",),
    ("data",),
    ("ops",),
    ("__init__",),
    ("middleware", "lifespan"),
    ("app",),
    ("workers", "testing"),
    ("__main__",),
)
"""The packages and modules of service/, bottom to top: each imports only from layers above it in this table."""
FREE_OF_AIOHTTP = ("service.settings", "service.store")
"""Packages that know nothing of HTTP."""
BACK_ENDS = {"memory", "sqlite", "postgres"}
CONTRACT = {"base", "errors", "operations", "values"}
"""The modules of store/ that every back end implements; a back end imports them from store/base.py."""
MAX_MODULES = 9
MAX_LINES = 200
MAX_LINES_OF_A_FUNCTION = 40


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """What a module imports anywhere in it, for type checking too: the module, and the name out of it (or "")."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from ((node.module or "", alias.name) for alias in node.names)


def imported_modules(path: Path, among: set[str]) -> set[str]:
    """The modules of service/ that a module imports."""
    found = {f"{module}.{name}" if f"{module}.{name}" in among else module for module, name in imports(path)}
    return found & among


def layer_of(name: str) -> int:
    """The place in LAYERS of a module of service/."""
    part = [*name.split("."), "__init__"][1]
    return next(place for place, layer in enumerate(LAYERS) if part in layer)


def import_graph() -> dict[str, set[str]]:
    """What each module of service/ imports of the others."""
    paths = {name_of(path): path for path in modules("service")}
    return {name: imported_modules(path, set(paths)) for name, path in paths.items()}


def test_every_public_name_is_imported_for_type_checkers_and_at_run_time_from_the_same_module() -> None:
    names = sorted(service.__all__)
    assert [*service.__all__] == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    typed = {(name, module) for module, name in imports(ROOT / "service/__init__.py") if module.startswith("service.")}
    assert typed == {(name, module) for module, those in service._HOME.items() for name in those}
    assert {name for name, _ in typed} | {"errors"} == set(names)
    assert [name for name in names if not hasattr(service, name)] == []


def test_plugins_import_the_public_api_only_and_not_each_other() -> None:
    public = {("service", name) for name in service.__all__}
    for path in modules("plugins"):
        ours = {it for it in imports(path) if it[0].partition(".")[0] in ("service", "plugins", "tests", "bench")}
        assert ours - public == set(), path


def test_the_service_imports_no_plugin_and_nothing_of_the_tests() -> None:
    for path in modules("service"):
        tops = {module.partition(".")[0] for module, _ in imports(path)}
        assert tops.isdisjoint({"plugins", "tests", "bench"}), path


def test_every_package_and_module_has_its_place_in_the_table() -> None:
    placed = [part for layer in LAYERS for part in layer]
    assert len(placed) == len(set(placed))
    assert set(placed) == {[*name_of(path).split("."), "__init__"][1] for path in modules("service")}
    assert len([*(ROOT / "service").glob("*.py")]) <= MAX_MODULES


def test_a_module_imports_only_from_its_own_package_or_from_layers_below_it() -> None:
    for name, imported in import_graph().items():
        for other in imported:
            same = name.split(".")[1:2] == other.split(".")[1:2]
            assert same or layer_of(other) < layer_of(name), f"{name} imports {other}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    TopologicalSorter(import_graph()).prepare()  # raises CycleError, which names the circle


def test_the_import_graph_sees_imports_for_type_checking_and_inside_functions(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("if TYPE_CHECKING:\n    from service.app import create_app\ndef f():\n    import service.workers\n")
    assert imported_modules(path, {"service.app", "service.workers"}) == {"service.app", "service.workers"}


def test_a_back_end_imports_the_contract_and_its_own_parts_only() -> None:
    for name, imported in import_graph().items():
        _, _, part, *_ = [*name.split("."), "", ""]
        within = {it.removeprefix("service.store.").partition(".")[0] for it in imported}
        if part in BACK_ENDS:
            assert within <= {"base", part}, name
        elif part in CONTRACT and name.startswith("service.store."):
            assert within <= CONTRACT, name


def test_a_package_module_holds_a_docstring_and_at_most_the_names_that_others_use() -> None:
    for path in modules("service"):
        if path.stem == "__init__" and path.parent != ROOT / "service":
            body = ast.parse(path.read_text("utf-8")).body
            assert all(isinstance(node, ast.Expr | ast.ImportFrom | ast.Assign) for node in body), path


def test_settings_and_stores_can_be_used_without_aiohttp() -> None:
    names = [name_of(path) for path in modules("service") if name_of(path).startswith(FREE_OF_AIOHTTP)]
    assert "service.store.memory.store" in names
    program = f"import sys, {', '.join(names)}; sys.exit('aiohttp' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)


def test_files_and_functions_are_small() -> None:
    for path in [*modules("service"), *modules("plugins")]:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= MAX_LINES, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= MAX_LINES_OF_A_FUNCTION, f"{path}: {node.name}"
