"""Runs the shell blocks of a Markdown page, in order, in one shell, as a reader would who follows the page.

The shell starts in a copy of the project. A line that starts the service (`make run ...`) puts it into the background
and waits until it serves; the next such line, or the end of the page, stops it. A page whose first block does not start
the service finds it running. A command that fails ends the page. A response from 400 on is an error unless the block
shows its status: in a comment or in the output below the block.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from contextlib import suppress
from os import environ, killpg
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service.settings.schema import ROOT
from tests.support.markdown import Block

COPIED = (
    *("Makefile", "pyproject.toml", "requirements", "README.md", "LICENSE", "data.json"),
    *("service", "plugins", "config", "examples"),
)
"""The files and folders of the project that commands use."""
SECONDS = 120
OUTPUTS = {"json", "http", "text"}
SERVES = re.compile(r"((?:\w+=\S* +)*)(make run|\.venv/bin/python -m service run)\b(.*)")
PRELUDE = r"""
set -eu
make() { command make --no-print-directory -o .venv/run.stamp -o .venv/dev.stamp "$@"; }
curl() { command curl -w '%{stderr}status %{http_code}\n' "$@"; }
stop() { if [ -n "${SERVER-}" ]; then kill -TERM -- "-$SERVER" || true; wait "$SERVER" || true; SERVER=; fi; }
serve() {
    stop
    setsid bash -c "$1" >"$2" 2>&1 &
    SERVER=$!
    echo $SERVER >server.pid
    for _ in $(seq 300); do
        if grep -qE 'serving http|Listening at' "$2"; then return; fi
        if ! kill -0 "$SERVER" 2>/dev/null; then break; fi
        sleep 0.1
    done
    cat "$2" >&2
    return 1
}
trap stop EXIT
"""


class Step(NamedTuple):
    """A shell block, and the block of its output, if the page shows one."""

    block: Block
    output: Block | None


def steps(blocks: Iterable[Block]) -> list[Step]:
    """The shell blocks of a page. A json, http or text block right below one is its output."""
    found: list[Step] = []
    for block in blocks:
        if block.language == "sh":
            found.append(Step(block, None))
        elif found and block.follows and block.language in OUTPUTS and found[-1].output is None:
            found[-1] = found[-1]._replace(output=block)
    return found


def copy_project(folder: Path) -> None:
    """A fresh copy of the project, with an environment of its own over the one that runs the tests."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy2(source, folder / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv/lib").glob("python*/site-packages")
    (packages / "tests.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")


def run(page: list[Step], folder: Path, port: int, replaced: Mapping[str, str]) -> None:
    """Run the blocks of a page in a copy of the project; fails the test with the first block that goes wrong."""
    script = folder / "page.sh"
    script.write_text(_script(page, port, replaced))
    around = {name: value for name, value in environ.items() if not name.startswith("SHIPYARD_")}
    around |= {"SHIPYARD_HOST": "127.0.0.1", "SHIPYARD_PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    # What pip would fetch for a build is installed already.
    around |= {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_QUIET": "1"}
    try:
        done = subprocess.run(
            ["bash", script.name], cwd=folder, env=around, timeout=SECONDS, check=False, capture_output=True, text=True
        )
    finally:
        with suppress(OSError, ValueError):
            killpg(int((folder / "server.pid").read_text()), signal.SIGKILL)
    for number, step in enumerate(page):
        out, err = folder / f"{number}.out", folder / f"{number}.err"
        said = err.read_text("utf-8") if err.exists() else ""
        if not (folder / f"{number}.done").exists():
            pytest.fail(
                f"line {step.block.line}: exit status {done.returncode}\n{step.block.text}\n{said}{done.stderr}"
            )
        fault = _fault(step, out.read_text("utf-8"), said, port)
        if fault is not None:
            pytest.fail(f"line {step.block.line}: {fault}\n{step.block.text}\n{out.read_text('utf-8')}\n{said}")


def _script(page: list[Step], port: int, replaced: Mapping[str, str]) -> str:
    parts = [PRELUDE]
    if not any(SERVES.fullmatch(line) for line in page[0].block.text.splitlines()):
        parts.append(_serve("make run", "server.log"))
    for number, step in enumerate(page):
        text = step.block.text
        for old, new in replaced.items():
            text = text.replace(old, new)
        text = re.sub(r"(localhost:|PORT=)(?:5000|8000)\b", rf"\g<1>{port}", text)
        lines = [_serve(line, f"{number}.log") for line in text.splitlines()]
        parts.append("{\n" + "\n".join(lines) + f"\n}} >{number}.out 2>{number}.err\ntouch {number}.done")
    return "\n".join(parts) + "\n"


def _serve(line: str, log: str) -> str:
    """The line, or the call of `serve` if it starts the service."""
    if (match := SERVES.fullmatch(line)) is None:
        return line
    command = match[2].replace("make", "make --no-print-directory -o .venv/run.stamp")
    # `exec`, so that a signal reaches the service, and waiting for the process is waiting for the service.
    return f"serve {shlex.quote(f'{match[1]}exec {command}{match[3]}')} {log}"


def _fault(step: Step, out: str, err: str, port: int) -> str | None:
    """What is wrong with the outcome of a block."""
    shown = step.output.text if step.output else ""
    announced = {*re.findall(r"#.*?\b([45]\d\d)\b", step.block.text), *re.findall(r"(?m)^HTTP/1.1 (\d+)", shown)}
    wrong = [it for it in re.findall(r"(?m)^status (\d+)$", err) if it >= "400" and it not in announced]
    is_error = step.output is not None and step.output.language == "json" and '"error"' in shown
    if wrong and not is_error:
        return f"status {', '.join(wrong)}"
    missing = {it for it in announced if f"status {it}" not in err}
    if missing and step.output is None:
        return f"no response has the status {', '.join(missing)}"
    if step.output is None:
        return None
    expected = re.sub(r"localhost:5000\b", f"localhost:{port}", shown)
    if step.output.language == "json":
        return _differs(json.loads(expected), json.loads(out))
    if step.output.language == "http":
        return _http_differs(expected, out)
    return None if _matches(expected.strip(), out.strip()) else f"the output is not\n{expected}"


def _http_differs(expected: str, out: str) -> str | None:
    """Compare status, the headers that are shown and, where one is shown, the JSON body."""
    head, _, body = expected.partition("\n\n")
    sent_head, _, sent_body = out.replace("\r\n", "\n").partition("\n\n")
    lines = [line.lower() for line in sent_head.splitlines()]
    for line in head.splitlines():
        if not any(_matches(line.lower(), sent) for sent in lines):
            return f"no line {line!r} in the response"
    return _differs(json.loads(body), json.loads(sent_body)) if body.strip() else None


def _differs(expected: Any, sent: Any) -> str | None:
    """Compare JSON values; a text of the page that holds `...` stands for any that matches."""
    if isinstance(expected, dict) and isinstance(sent, dict):
        if expected.keys() != sent.keys():
            return f"{sorted(sent)} is not {sorted(expected)}"
        return next((it for name in expected if (it := _differs(expected[name], sent[name]))), None)
    if isinstance(expected, list) and isinstance(sent, list) and len(expected) == len(sent):
        return next((it for pair in zip(expected, sent, strict=True) if (it := _differs(*pair))), None)
    if isinstance(expected, str) and isinstance(sent, str) and _matches(expected, sent):
        return None
    return None if expected == sent else f"{sent!r} is not {expected!r}"


def _matches(pattern: str, text: str) -> bool:
    """Whether a text equals the pattern, in which `...` stands for anything."""
    parts = [re.escape(part) for part in pattern.split("...")]
    return re.fullmatch(".*?".join(parts), text, re.DOTALL) is not None
