"""`make` as a user runs it: what it prints, how it ends, and that no password shows in the process list."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import pytest

from service.settings.schema import ROOT
from service.testing import SECRET

Variables = dict[str, str]
LONGEST = 60.0
SERVICE = {"SHIPYARD_HOST": "127.0.0.1", "SHIPYARD_PORT": "0", "SHIPYARD_JWT_SECRET": SECRET}
ODD_NAME = """pass word's "$HOME" $(x)"""
# The environment that runs the tests, which `make` neither installs nor updates.
RUN = ("-o", ".venv/run.stamp", f"BIN={Path(sys.executable).parent}", "run")
PASSWORD = "none://user:password@localhost:5432/x"


@contextmanager
def make(*arguments: str, folder: Path = ROOT, variables: Variables | None = None) -> Iterator[subprocess.Popen[str]]:
    """`make` in a process group of its own, which is killed after LONGEST seconds or at the end."""
    ours = re.compile(r"SHIPYARD_.*|MAKE.*|MFLAGS|PIP_.*|HOST|PORT|CONFIG|STORE|WORKERS")
    around = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    options: Any = {"env": {**around, **SERVICE, **(variables or {})}, "start_new_session": True, "text": True}
    command = ["make", "--no-print-directory", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=PIPE, stderr=STDOUT, **options) as process:
        timer = threading.Timer(LONGEST, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def run_to_end(*arguments: str, folder: Path = ROOT, variables: Variables | None = None) -> tuple[int, str]:
    """The exit status of `make`, and its output."""
    with make(*arguments, folder=folder, variables=variables) as process:
        output = process.communicate()[0]
        return process.returncode, output


def output_until_it_serves(process: subprocess.Popen[str]) -> str:
    output = ""
    for line in process.stdout or ():
        output += line
        if "serving http://" in line:
            return output
    pytest.fail(f"does not serve: {output}")


def processes_showing(text: str) -> set[int]:
    """The ids of all processes with this text in their arguments."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # has ended meanwhile
            if text.encode() in path.read_bytes():
                found.add(int(path.parent.name))
    return found


@pytest.mark.parametrize("given", ["SHIPYARD_STORE", "SHIPYARD_STORE_FILE", "argument"])
def test_a_store_arrives_unchanged_and_shows_in_no_arguments_but_those_of_make(given: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{ODD_NAME}"
    (file := tmp_path / "url").write_text(url)
    file.chmod(0o600)
    variables = {"argument": {}, "SHIPYARD_STORE": {given: url}, "SHIPYARD_STORE_FILE": {given: str(file)}}[given]
    with make(*RUN, *([] if variables else [f"STORE={url}"]), variables=variables) as process:
        output = output_until_it_serves(process)
        assert processes_showing(f"{tmp_path}/pass word") == (set() if variables else {process.pid})
    assert "pass word" not in run_to_end("--dry-run", *RUN, f"STORE={url}")[1]
    assert f"store: {url}" in output
    assert "Warning" not in output
    assert (tmp_path / ODD_NAME).exists()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_make_run_without_an_error_message(by: signal.Signals) -> None:
    with make(*RUN) as process:
        output_until_it_serves(process)
        (os.killpg if by is signal.SIGINT else os.kill)(process.pid, by)  # a terminal sends SIGINT to the group
        rest = process.communicate()[0]
    assert rest.rstrip().endswith("stopped")
    assert "make" not in rest


@pytest.mark.parametrize(
    ("arguments", "variables", "warned"),
    [
        ([f"STORE={PASSWORD}"], {}, True),
        ([f"SHIPYARD_STORE={PASSWORD}"], {}, True),
        (["STORE=none:///x?user=user&password=it's"], {}, True),
        (["STORE=none://user@localhost:5432/x"], {}, False),
        ([], {"SHIPYARD_STORE": PASSWORD}, False),
        ([], {"STORE": PASSWORD}, False),
    ],
)
def test_a_password_among_the_arguments_of_make_is_warned_of_in_one_line(
    arguments: list[str], variables: Variables, warned: bool
) -> None:
    status, output = run_to_end(*RUN, *arguments, variables=variables)
    assert status == 2  # there is no such store
    warnings = [line for line in output.splitlines() if line.startswith("Warning: ")]
    assert len(warnings) == warned
    assert all("SHIPYARD_STORE_FILE" in line and "user" not in line for line in warnings)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile and a lock whose only package no index has."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "run.txt").write_text(f"no-such-package==1 --hash=sha256:{'0' * 64}\n")
    return tmp_path


def test_an_install_prints_a_line_for_each_step_and_the_end_of_its_log_on_failure(clone: Path) -> None:
    status, output = run_to_end("run", f"PYTHON={sys.executable}", folder=clone, variables={"PIP_NO_INDEX": "1"})
    lines = output.splitlines()
    assert status == 2
    assert lines[:2] == ["Creating the virtual environment .venv ...", "Installing the locked dependencies ..."]
    assert any("No matching distribution found for no-such-package==1" in line for line in lines[2:])
    assert "Failed: Installing the locked dependencies. The whole output: .venv/install.log" in lines
    assert "no-such-package" in (clone / ".venv" / "install.log").read_text()
    assert not (clone / ".venv" / "run.stamp").exists()


def test_a_python_that_is_too_old_or_cannot_create_environments_is_an_error_of_one_sentence(clone: Path) -> None:
    status, output = run_to_end("run", "PYTHON=false", folder=clone)
    assert (status, output.splitlines()[0]) == (2, "Shipyard needs Python 3.11 or newer: make PYTHON=python3.12 ...")
    (clone / "ensurepip.py").write_text("raise ImportError")  # as on Debian without python3-venv
    status, output = run_to_end("run", f"PYTHON={sys.executable}", folder=clone, variables={"PYTHONPATH": str(clone)})
    sentence = "cannot create virtual environments (on Debian and Ubuntu: apt install python3-venv)"
    assert (status, output.splitlines()[0]) == (2, f"{sys.executable} {sentence}")
    assert not (clone / ".venv").exists()
