"""The project's Markdown pages: their fenced blocks, links, headings and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from service.settings.schema import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
"""The pages that users read."""
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"`([\w./-]+)`[^`\n]*:\n\n\Z")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block. `file`: the name in the line above it, where that line ends in a colon; `line`: its place."""

    language: str
    text: str
    file: str | None
    line: int
    follows: bool
    """Whether only blank lines stand between the previous block and this one."""


def name_of(page: Path) -> str:
    """The path of a page inside the project."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    end = -1
    for match in FENCE.finditer(text):
        before = text[: match.start()]
        file = FILE_NAME.search(before)
        follows = end >= 0 and not text[end : match.start()].strip()
        yield Block(match[1], match[2], file and file[1], before.count("\n") + 2, follows)
        end = match.end()


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text)


def links(text: str) -> list[str]:
    """The targets of a page's links and pictures."""
    return LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    result = set()
    for heading in HEADING.findall(prose(text)):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = found[slug] = found.get(slug, -1) + 1
        result.add(f"{slug}-{number}" if number else slug)
    return result
