"""The option --image-size, of all commands that give images to models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def image_size_option() -> Callable[[Any], Any]:
    """The option --image-size SHORTER[,LONGER]."""
    return click.option(
        "--image-size",
        callback=_parse,
        metavar="SHORTER[,LONGER]",
        help="Pixels of the shorter side, and limit of the longer; 0 leaves images as they are.  "
        "[default: as the model says]",
    )


def _parse(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> int | tuple[int, int] | None:
    if text is None:
        return None
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 0:
        raise click.BadParameter(f"'{text}' is neither 480 nor 480,832, in pixels")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
