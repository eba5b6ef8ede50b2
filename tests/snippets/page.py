"""Reads a Markdown page into its fenced blocks and the marks that stand before them.

A mark is an HTML comment of its own on the line above a block, `<!-- word: argument -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKS = {"skip", "exit", "file", "output", "problems", "change"}
SETUP = "setup"

_COMMENT = re.compile(r"<!--\s*(\w+)(?::[ \t]*(.*?))?\s*-->\s*", re.DOTALL)
_SETUP = re.compile(r"<!--\s*setup[ \t]*\n(.*)-->\s*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        language: the first word after the fence; `setup` for a comment that holds Python.
        text: what stands inside.
        line: number of the line before the first line of `text`, from 1.
        marks: argument by mark, of the comments right before it.
    """

    language: str
    text: str
    line: int
    marks: dict[str, str] = field(default_factory=dict)


def read_page(path: Path) -> Iterator[Block]:
    """Yields the blocks of a page in order."""
    marks: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8")):
        if token.type == "html_block":
            if setup := _SETUP.fullmatch(token.content):
                yield Block(SETUP, setup.group(1), _line(token))
            marks.update(_read_mark(token))
            continue
        if token.type == "fence":
            language = token.info.split()[0] if token.info.strip() else ""
            yield Block(language, token.content, _line(token), marks)
        marks = {}


def _read_mark(token: Token) -> dict[str, str]:
    match = _COMMENT.fullmatch(token.content)
    if match is None or match.group(1) not in MARKS:
        return {}
    return {match.group(1): (match.group(2) or "").strip()}


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1
