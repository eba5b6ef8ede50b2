"""Where packages are on the disk."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def find_package_folders(name: str) -> list[Path]:
    """The folders of a package, which is not imported.

    Args:
        name: a package that can be imported, without a dot.

    Returns:
        One folder; several of a namespace package; none of what is not installed, or is a single
        module.
    """
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # the latter of a half-imported module
        return []
    return [Path(folder) for folder in (found and found.submodule_search_locations) or ()]
