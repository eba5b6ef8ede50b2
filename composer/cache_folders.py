"""The one cache of this package on disk: a folder for each kind of file."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "COMPOSER_CACHE"
_NAME = "detection-composer"


def find_cache_folder(kind: str) -> Path:
    """The folder of the cache for files of a kind; it need not exist.

    Args:
        kind: `downloads`, for instance.
    """
    if named := os.environ.get(VARIABLE, "").strip():
        return Path(named).expanduser().absolute() / kind
    from platformdirs import user_cache_path

    return user_cache_path(_NAME, appauthor=False) / kind
