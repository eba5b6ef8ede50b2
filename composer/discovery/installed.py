"""Installed distributions and packages: their versions and folders. Nothing is imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from functools import cache
from pathlib import Path

DISTRIBUTION = "detection-composer"

_PACKAGE = Path(__file__).resolve().parent.parent


def find_version(distribution: str = DISTRIBUTION) -> str | None:
    """The version of an installed distribution, by default this one.

    Args:
        distribution: its name on the package index.

    Returns:
        None if it is not installed, such as this one in a source tree.
    """
    return _own_version() if distribution == DISTRIBUTION else _find_version(distribution)


@cache
def _own_version() -> str | None:
    """Our version: it is asked for at every reference to a spec, and does not change."""
    return _find_version(DISTRIBUTION)


def _find_version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def shipped_folder(name: str) -> Path:
    """A folder that ships with this distribution: in an installed wheel, else in the source tree.

    Args:
        name: "specs" or "models".
    """
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name


def shipped_models() -> dict[str, Path]:
    """The trained models that ship, by name: a folder each, with a self-describing checkpoint."""
    files = sorted(shipped_folder("models").glob("*/*.safetensors"))
    return {path.parent.name: path for path in files}


def resolve_image(path: str | os.PathLike[str]) -> Path:
    """An image by its path, or an example image that ships by its bare name.

    Args:
        path: a file or folder; or the name of an example, where there is no such file.

    Returns:
        The example, or the path as it is.
    """
    given = Path(path)
    if os.path.lexists(given) or given.name != os.fspath(path):
        return given
    example = shipped_folder("specs") / "examples" / given.name
    return example if example.suffix != ".md" and example.is_file() else given


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
