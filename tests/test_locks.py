"""The locks: each version by its hashes, no host named, and every extra that an installed package requires.

An extra that is not locked is resolved anew by pip, which then finds no hash for a version newer than the locked one.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from service.settings.schema import ROOT

BENCH_PACKAGES = ROOT / ".venv-bench" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
"""Exists once `make bench` has run."""

Packages = Mapping[str, Distribution]
Pins = Mapping[str, Requirement]


def locks() -> list[Path]:
    """Every file that says which versions are installed."""
    globs = ("requirements/*.txt", "bench/*.txt", "tests/*/package-lock.json", "examples/*/package-lock.json")
    return [path for glob in globs for path in ROOT.glob(glob)]


def pins_of(lock: str) -> Pins:
    """What a lock pins for this Python and machine, by canonical name."""
    lines = re.findall(r"(?m)^([A-Za-z0-9][^\\\n]*==[^\\\n]*)", lock)
    return {canonicalize_name(it.name): it for it in map(Requirement, lines) if applies(it)}


def applies(requirement: Requirement, extra: str = "") -> bool:
    """Whether a requirement holds for this Python and machine, of a package that is installed with this extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def as_locked(pins: Pins, folders: Iterable[str]) -> Packages:
    """The packages that are installed in the version that is locked; others may require something else."""
    found = {canonicalize_name(it.metadata["Name"]): it for it in distributions(path=list(folders))}
    return {name: it for name, it in found.items() if name in pins and it.version in pins[name].specifier}


def required(roots: Iterable[str], packages: Packages) -> Iterator[Requirement]:
    """All that these requirements lead to, by way of the extras that are asked for too."""
    seen = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        yield requirement
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen and name in packages:
                seen.add((name, extra))
                waiting += [it for it in map(Requirement, packages[name].requires or ()) if applies(it, extra)]


def lost_extras(pins: Pins, roots: Iterable[str], packages: Packages) -> set[str]:
    """The extras that are required but not locked, as `coverage[toml]`."""
    locked = {f"{name}[{canonicalize_name(extra)}]" for name, pin in pins.items() for extra in pin.extras}
    found = ((canonicalize_name(it.name), extra) for it in required(roots, packages) for extra in it.extras)
    return {f"{name}[{canonicalize_name(extra)}]" for name, extra in found} - locked


def without_extras(lock: str) -> str:
    """A lock as `uv pip compile --strip-extras` writes it."""
    return re.sub(r"(?m)^([\w.-]+)\[[^]]*\]==", r"\1==", lock)


def project(*extras: str) -> list[str]:
    """What pyproject.toml requires."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [*table["dependencies"], *(it for extra in extras for it in table["optional-dependencies"][extra])]


@pytest.mark.parametrize("path", locks(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_installed_is_locked_by_its_hash_and_no_host_is_named(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"\w+://[^\s\"]+|--(?!hash=)\S+", text) == []
    if path.suffix == ".txt":
        pinned = re.findall(r"(?m)^([\w.\[\],-]+)==", text)
        assert len(pinned) > 0
        assert len(re.findall(r"(?m)^\S.*\\\n    --hash=sha256:", text)) == len(pinned)
    else:
        installed = {name: it for name, it in json.loads(text)["packages"].items() if name}
        assert len(installed) > 0
        assert [name for name, it in installed.items() if not it["integrity"].startswith("sha512-")] == []


def test_all_locks_are_checked() -> None:
    names = {str(path.relative_to(ROOT)) for path in locks()}
    assert names >= {f"{name}.txt" for name in ("requirements/run", "requirements/dev", "bench/requirements")}
    assert names >= {"bench/compiler.txt", "tests/clients/package-lock.json", "examples/admin/package-lock.json"}


@pytest.mark.parametrize(("lock", "extras"), [("run", ["build"]), ("dev", ["build", "dev"])])
def test_every_extra_that_an_installed_package_requires_is_locked(lock: str, extras: list[str]) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    packages = as_locked(pins_of(text), sys.path)
    assert lost_extras(pins_of(text), project(*extras), packages) == set()
    lost = lost_extras(pins_of(without_extras(text)), project(*extras), packages)
    assert "pyjwt[crypto]" in lost
    assert ("coverage[toml]" in lost) == ("pytest-cov" in packages)  # in another version in `make test-lowest`


def test_every_extra_that_the_bench_requires_is_locked() -> None:
    text = (ROOT / "bench" / "requirements.txt").read_text("utf-8")
    lines = (ROOT / "bench" / "requirements.in").read_text("utf-8").splitlines()
    roots = [line for line in lines if not line.startswith("#")]
    packages = as_locked(pins_of(text), [str(BENCH_PACKAGES)])
    assert lost_extras(pins_of(text), roots, packages) == set()
    assert lost_extras(pins_of(without_extras(text)), roots, packages) >= {"sqlalchemy[asyncio]", "uvicorn[standard]"}


def test_an_extra_is_looked_for_in_what_extras_require_and_where_its_marker_applies(tmp_path: Path) -> None:
    for name, requires in {
        "top": ["Mid_dle[x]; extra == 'more'", "other[never]; python_version < '3'", "other[never]; extra == 'less'"],
        "mid-dle": ["low[y]; extra == 'x'", "other[never]; extra == 'z'"],
        "low": [],
    }.items():
        lines = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {it}" for it in requires)]
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("\n".join(lines))
    pins = pins_of("top[more]==1.0\nmid-dle[x]==1.0\nlow==1.0\n")
    assert lost_extras(pins, ["top[more]"], as_locked(pins, [str(tmp_path)])) == {"low[y]"}
