"""Plugins as strangers ship them: distributions in folders of their own, where importlib.metadata finds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Protocol

import pytest


class Install(Protocol):
    """Lays down one more distribution with one plugin; answers the name of its module.

    plugin, value: the two sides of the entry point; from the distribution's name if not given.
    """

    def __call__(
        self,
        distribution: str,
        code: str,
        *,
        plugin: str | None = None,
        value: str | None = None,
        metadata: str | None = None,
    ) -> str: ...


def lay_down(folder: Path, distribution: str, module: str, code: str, entry_point: str, metadata: str) -> None:
    """The files that an installer leaves in a folder of sys.path."""
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(metadata)
    (info / "entry_points.txt").write_text(f"[shipyard.plugins]\n{entry_point}\n")
    (folder / f"{module}.py").write_text(dedent(code))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    before = set(sys.modules)

    def lay(
        distribution: str,
        code: str,
        *,
        plugin: str | None = None,
        value: str | None = None,
        metadata: str | None = None,
    ) -> str:
        folder = tmp_path / "site" / distribution
        module = distribution.replace("-", "_")
        entry_point = f"{plugin or distribution} = {value or module}"
        said = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n" if metadata is None else metadata
        lay_down(folder, distribution, module, code, entry_point, said)
        monkeypatch.syspath_prepend(folder)
        return module

    yield lay
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
