"""Whether another distribution's files are mixed with ours.

On the package index there is another package called `composer` (MosaicML's, see the decision record
about the name). pip installs the one over the other without a word.
"""

from __future__ import annotations

import importlib.metadata

_OTHERS = ("mosaicml", "composer")


def find_clash() -> str | None:
    """A warning if another distribution owns files of the package `composer`, else None."""
    for name in _OTHERS:
        try:
            other = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if any(
            str(file).replace("\\", "/") == "composer/__init__.py" for file in other.files or ()
        ):
            return (
                f"{other.name} {other.version} is installed beside detection-composer, and both "
                "own the package 'composer': use a virtual environment for each."
            )
    return None
