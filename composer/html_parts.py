"""Parts of HTML for notebooks: tables and pictures, with every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from composer.escapes import escape_controls

_CELL = "text-align:left;vertical-align:top"


def write_text(text: object) -> str:
    """A text as HTML that shows it as it is, control characters too.

    Args:
        text: the text, or anything with one.
    """
    return escape(escape_controls(str(text)))


def make_table(
    header: Sequence[object], rows: Iterable[Sequence[object]], *, left_out: int = 0
) -> str:
    """A table.

    Args:
        header: the names of the columns.
        rows: the cells, in the order of the columns.
        left_out: how many more rows there would be, for a line below.
    """
    names = "".join(f'<th style="{_CELL}">{write_text(name)}</th>' for name in header)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{write_text(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    more = f"<div>... and {left_out} more</div>" if left_out else ""
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>{more}"


def make_report(text: object) -> str:
    """Lines in a font of fixed width, as a terminal would show them.

    Args:
        text: the lines, or anything that prints as lines.
    """
    lines = "\n".join(write_text(line) for line in str(text).splitlines())
    return f'<pre style="white-space:pre;overflow-x:auto">{lines}</pre>'


def make_heading(text: object) -> str:
    """A line above what follows.

    Args:
        text: the text.
    """
    return f"<div><b>{write_text(text)}</b></div>"


def embed_picture(content: bytes, kind: str, *, alt: str = "") -> str:
    """A picture that needs no file.

    Args:
        content: the file's bytes.
        kind: its format: `png`, `jpeg`, `svg+xml`.
        alt: what it shows, in words.
    """
    data = base64.b64encode(content).decode("ascii")
    style = "max-width:100%;height:auto"
    return f'<img style="{style}" alt="{write_text(alt)}" src="data:image/{kind};base64,{data}">'
