"""The version of what is installed."""

from __future__ import annotations

import importlib.metadata

DISTRIBUTION = "detection-composer"


def installed_version() -> str:
    """The version of this distribution; `unknown` in a source tree that was never installed."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
