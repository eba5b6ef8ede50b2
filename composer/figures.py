"""Files of matplotlib's figures: the same drawing gives the same bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from composer.errors import InputError
from composer.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")


def save_figure(
    path: str | os.PathLike[str],
    draw: Callable[[], Figure],
    *,
    what: str = "a plot",
    others: tuple[str, ...] = (),
    font_size: int = 10,
    dpi: int = 150,
    follow_links: bool = True,
) -> None:
    """Writes a figure as a picture.

    Args:
        path: the file, `.png`, `.svg` or `.pdf`.
        draw: makes the figure.
        what: what is saved, for the message.
        others: endings of other forms that the caller writes, for the message.
        font_size: of its texts, in points.
        dpi: pixels of an inch in `.png`.
        follow_links: whether a link at the path is followed or replaced.

    Raises:
        InputError: the file has another ending.
        OSError: it cannot be written.
    """
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in FORMATS:
        raise InputError(f"{target}: {what} is one of {', '.join((*others, *FORMATS))}")
    from matplotlib import rc_context

    # With a fixed salt and no date, the same figure gives the same file.
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "composer", "svg.fonttype": "none", "font.size": font_size}):
        metadata = {"Date": None} if ending == ".svg" else None
        draw().savefig(buffer, format=ending[1:], dpi=dpi, metadata=metadata)
    write_bytes(target, buffer.getbuffer(), follow_links=follow_links)
