"""The place of a failure in the code of a plugin."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.discovery.failure import describe_failure

FILES = {
    "far_planets/__init__.py": "def fail():\n    from far_planets.parts import inner\n    inner.divide(0)\n",
    "far_planets/parts/__init__.py": "\n\nimport nowhere_installed\n",
    "far_planets/parts/inner.py": "",
    "near_planets/__init__.py": "import library\n\ndef fail():\n    library.fail()\n",
    "library.py": "def fail():\n    raise ValueError('no')\n",
}


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Packages that can be imported."""
    for name, code in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def failure(module: str, plugin: str) -> str:
    """Call `fail` of a module, and describe the exception as that of a plugin."""
    try:
        importlib.import_module(module).fail()
    except Exception as error:
        return describe_failure(error, plugin)
    pytest.fail("no exception")


def test_the_place_is_the_last_one_in_the_package_of_the_plugin() -> None:
    description = "ModuleNotFoundError: No module named 'nowhere_installed' (far_planets/parts/__init__.py, line 3)"
    assert failure("far_planets", "far_planets.parts") == description
    assert failure("near_planets", "near_planets") == "ValueError: no (near_planets/__init__.py, line 4)"


def test_without_code_of_the_plugin_the_place_is_in_a_library() -> None:
    assert failure("library", "shipyard_planets") == "ValueError: no (library.py, line 2)"


def test_an_exception_without_a_message_is_described_by_its_type() -> None:
    assert describe_failure(KeyError(), "planets") == "KeyError"


def test_the_place_of_a_call_that_fails_is_where_the_function_is_defined() -> None:
    def lifespan() -> None: ...

    line = lifespan.__code__.co_firstlineno
    description = describe_failure(TypeError("no"), "planets", lifespan)
    assert description == f"TypeError: no (tests/discovery/test_failure.py, line {line})"
