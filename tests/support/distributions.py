"""Third-party plugins: distributions in separate folders of sys.path, where importlib.metadata finds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Protocol

import pytest


class Install(Protocol):
    """Install a distribution with one plugin; return the name of its module.

    plugin, value: the two sides of the entry point; by default both follow from the distribution's name.
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


def write_distribution(
    folder: Path, distribution: str, module: str, code: str, entry_point: str, metadata: str
) -> None:
    """Write the files that an installer writes into a folder of sys.path."""
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(metadata)
    (info / "entry_points.txt").write_text(f"[shipyard.plugins]\n{entry_point}\n")
    (folder / f"{module}.py").write_text(dedent(code))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    before = set(sys.modules)

    def install_distribution(
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
        if metadata is None:
            metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        write_distribution(folder, distribution, module, code, entry_point, metadata)
        monkeypatch.syspath_prepend(folder)
        return module

    yield install_distribution
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
