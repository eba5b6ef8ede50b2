"""Reasons why a plugin fails to import, with file and line of the plugin."""

from __future__ import annotations

import importlib.util
import traceback
from pathlib import Path

from composer.escapes import describe_error


def describe_failure(error: BaseException, module: str) -> str:
    """The error, and the innermost line of the plugin that led to it.

    Args:
        error: what importing the module raised.
        module: the module.
    """
    reason = describe_error(error)
    place = _find_line(error, _find_places(module.partition(".")[0]))
    return f"{reason} ({place})" if place else reason


def _find_line(error: BaseException, places: list[Path]) -> str:
    """`file:line`, or nothing if none of the plugin's own lines was reached."""
    if isinstance(error, SyntaxError) and error.filename and _is_inside(error.filename, places):
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_inside(frame.filename, places)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def _find_places(package: str) -> list[Path]:
    """The folders of a package, or the file of a single module."""
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError, AttributeError):  # of what is half imported, say
        return []
    if found is None:
        return []
    folders = found.submodule_search_locations or ([found.origin] if found.origin else [])
    return [Path(folder).resolve() for folder in folders]


def _is_inside(file: str, places: list[Path]) -> bool:
    path = Path(file).resolve()
    return any(path == place or path.is_relative_to(place) for place in places)
