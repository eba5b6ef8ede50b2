"""Faces of packages that import a module when one of its names is first asked for.

A face lists its names once, as imports below `if TYPE_CHECKING:`, which type checkers read. So
commands that need a part of a package start without the rest of it, which may import torch.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable
from typing import Any

_GUARD = "TYPE_CHECKING"


def lazy_face(
    package: str, after_import: Callable[[], None] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Makes the functions `__getattr__` and `__dir__` of a package.

    Args:
        package: its full name, the `__name__` of its `__init__.py`.
        after_import: is called whenever a module may have been imported.

    Returns:
        Both functions, which Python calls for names that the package does not have yet.

    Raises:
        ImportError: the source of the package is not installed.
    """
    face = sys.modules[package]
    homes = _read_homes(package)

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'", name=name)
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(face, name, value)
        if after_import is not None:
            after_import()
        return value

    def list_names() -> list[str]:
        return sorted({*vars(face), *homes})

    return find, list_names


def _read_homes(package: str) -> dict[str, str]:
    """The module of each name that a package imports for type checkers."""
    spec = sys.modules[package].__spec__
    loader: Any = None if spec is None else spec.loader
    source = None if loader is None else loader.get_source(package)
    if source is None:
        raise ImportError(f"the source of '{package}' is missing, which lists its names")
    guarded = (one for one in ast.parse(source).body if isinstance(one, ast.If))
    return {
        alias.name: statement.module
        for block in guarded
        if isinstance(block.test, ast.Name) and block.test.id == _GUARD
        for statement in block.body
        if isinstance(statement, ast.ImportFrom) and statement.module is not None
        for alias in statement.names
    }
