"""Options of the form `NODE=FILE`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

_NAME = re.compile(r"[A-Za-z_][\w.:]*")


def split_assignment(text: str) -> tuple[str, str]:
    """The name and the file of `NAME=FILE`; the name is empty where there is none.

    A file that exists under the whole text is that file, whatever is in its name.
    """
    name, equals, file = text.partition("=")
    if not equals or not _NAME.fullmatch(name) or Path(text).exists():
        return "", text
    return name, file


def parse_assignments(
    _context: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    """A callback for options where the name may be left out: files by name."""
    return dict(_with_file(text) for text in texts)


def parse_named_assignments(
    _context: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    """A callback for options where the name must be given: files by name."""
    found = dict(_with_file(text) for text in texts)
    if "" in found:
        raise click.BadParameter(f"'{found['']}' is not NODE=FILE")
    return found


def _with_file(text: str) -> tuple[str, str]:
    name, file = split_assignment(text)
    if not file:
        raise click.BadParameter(f"'{text}' names no file")
    return name, file
