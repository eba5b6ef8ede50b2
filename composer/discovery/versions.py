"""Versions of installed distributions."""

from __future__ import annotations

import importlib.metadata

DISTRIBUTION = "detection-composer"


def find_version(distribution: str = DISTRIBUTION) -> str | None:
    """The version of an installed distribution, by default this one.

    Args:
        distribution: its name on the package index.

    Returns:
        None if it is not installed, such as this one in a source tree.
    """
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
