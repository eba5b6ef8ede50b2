"""The state of installed code: a text for each package, equal for equal code.

Of packages that publish node types, and of this one, all source files are hashed, so that neither
an editable install nor a plugin under development gives stale values. Other installed packages
count by their version. Code of no distribution, such as a script or a notebook, has no text.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import sys
import time
from functools import lru_cache

from composer.discovery import DISTRIBUTION, find_owners, import_time
from composer.outcomes import installed_folders, list_package_files
from composer.value_cache.unknown_content import UnknownContentError

_OURS = "composer"
_WITHOUT_VALUES = ("cli",)  # parts of ours that no value depends on
_CURRENT = 2.0  # seconds in which the files are not looked at again
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*")
_TICK = 0.01  # seconds; clocks of file systems are coarse


def describe_packages(packages: set[str]) -> list[str]:
    """Texts of packages and of what they stand on, sorted.

    Args:
        packages: top-level packages.

    Raises:
        UnknownContentError: one belongs to no distribution, or has changed since it was imported.
    """
    return list(_describe_all(frozenset(packages), int(time.monotonic() / _CURRENT)))


@lru_cache(maxsize=256)
def _describe_all(packages: frozenset[str], moment: int) -> tuple[str, ...]:
    return tuple(sorted(_describe_package(package, moment) for package in packages | {_OURS}))


@lru_cache(maxsize=256)
def _describe_package(package: str, moment: int) -> str:
    del moment
    if package in sys.stdlib_module_names:
        return f"{package}: Python {sys.version_info[:3]}"
    owner = find_owners().get(package)
    if owner is not None:
        return f"{package}: {owner} {_describe_needs(owner)} {_hash_package(package)}"
    if package in sys.builtin_module_names:
        return f"{package}: built in"
    if not _is_installed(package):
        raise UnknownContentError(f"code of '{package}', which no installed distribution has")
    return f"{package}: {_find_version(package)}"


def _is_installed(package: str) -> bool:
    """Whether a package is where installed ones are, or is not there at all."""
    if package in sys.modules:
        module = sys.modules[package]
        files = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
    else:  # it may be imported when it is needed
        try:
            found = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            return False
        if found is None:
            return True
        files = [found.origin or "", *(found.submodule_search_locations or ())]
    return any(file.startswith(installed_folders()) for file in files)


def _hash_package(package: str) -> str:
    """A hash of the source files of a package.

    Raises:
        UnknownContentError: a file has changed since this process may have imported it.
    """
    imported = import_time(package) - _TICK
    digest = hashlib.sha256()
    try:
        for file in list_package_files(package):
            if package == _OURS and file.name.split(os.sep)[1] in _WITHOUT_VALUES:
                continue
            if file.changed >= imported:
                raise UnknownContentError(f"code of '{package}', which changed while it was in use")
            digest.update(f"{file.name}\0{len(file.content)}\0".encode("utf-8", "surrogateescape"))
            digest.update(file.content)
    except OSError as error:
        raise UnknownContentError(f"code of '{package}', which cannot be read") from error
    return digest.hexdigest()


def _describe_needs(distribution: str) -> str:
    """The version of a distribution, and those of what it requires."""
    try:
        version = importlib.metadata.version(distribution)
        lines = importlib.metadata.requires(distribution) or ()
    except importlib.metadata.PackageNotFoundError:
        return ""
    if distribution == DISTRIBUTION:
        return version  # what values depend on is part of the environment
    names = {match[0] for line in lines if (match := _REQUIREMENT.match(line))}
    return " ".join([version, *sorted(f"{name}={_version_of(name)}" for name in names)])


def _find_version(package: str) -> str:
    """The version of the distribution that an import package is of."""
    if (version := _version_of(package)) is not None:
        return version
    owners = _find_distributions().get(package, [])
    return " ".join(sorted(f"{name} {_version_of(name)}" for name in owners))


def _version_of(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _find_distributions() -> dict[str, list[str]]:
    found = importlib.metadata.packages_distributions()
    return {package: list(owners) for package, owners in found.items()}
