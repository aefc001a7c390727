"""The code blocks of the documentation: they parse, can be executed, and show files as they are."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from service.settings.schema import ROOT
from tests.support.markdown import PAGES, Block, blocks, name_of, prose

LANGUAGES = {"sh", "json", "http", "text", "python", "toml", "nginx", "jsx", "js", "ini", "sql"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_is_in_fenced_blocks_of_a_known_language(page: Path) -> None:
    text = page.read_text("utf-8")
    assert {block.language for block in blocks(text)} <= LANGUAGES
    assert re.findall(r"(?m)\n\n {4}\S.*$", prose(text)) == [], "an indented block is not tested"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_and_toml_blocks_can_be_read(page: Path) -> None:
    for block in blocks(page.read_text("utf-8")):
        if block.language == "python":
            ast.parse(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_blocks_that_are_no_files_can_be_executed(page: Path) -> None:
    for block in blocks(page.read_text("utf-8")):
        if block.language == "python" and block.file is None:
            exec(compile(block.text, f"{name_of(page)}:{block.line}", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_exist_are_shown_as_they_are(page: Path) -> None:
    shown: list[Block] = [it for it in blocks(page.read_text("utf-8")) if it.file and (ROOT / it.file).exists()]
    for block in shown:
        assert block.text in (ROOT / str(block.file)).read_text("utf-8"), block.file


def test_every_target_of_make_in_the_documentation_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8")))
    named = {name for page in PAGES for name in re.findall(r"(?<![\w-])make ([a-z][a-z-]*)", _code(page))}
    assert named <= targets


def _code(page: Path) -> str:
    """The shell blocks of a page, and the code between backticks in its text."""
    text = page.read_text("utf-8")
    shell = [block.text for block in blocks(text) if block.language == "sh"]
    return "\n".join([*shell, *re.findall(r"`([^`\n]+)`", prose(text))])
