"""Homes of documents: the distribution that a file belongs to. No plugin is imported.

Ours are the specs and models that ship. A plugin's are those in its packages, published folders of
specs included. Files of users belong to none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

from composer.discovery.entry_points import discover
from composer.discovery.installed import DISTRIBUTION, find_package_folders, shipped_folder
from composer.discovery.publication import Publication, normalise

GROUPS = (
    "composer.nodes",
    "composer.types",
    "composer.specs",
    "composer.checkpoints",
    "composer.datasets",
    "composer.augmentations",
    "composer.formats",
    "composer.model_folders",
    "composer.engines",
    "composer.exporters",
)


class Homes:
    """The distributions that documents belong to.

    Args:
        folders: folders of documents and the distribution of each.
    """

    def __init__(self, folders: Mapping[Path, str]) -> None:
        self._folders = folders
        self._known: dict[str, str | None] = {}

    @classmethod
    def installed(cls) -> Homes:
        """The homes of all that is installed."""
        folders = dict.fromkeys((shipped_folder("specs"), shipped_folder("models")), DISTRIBUTION)
        for package, owner in find_owners().items():
            for folder in find_package_folders(package) if owner != DISTRIBUTION else ():
                if (folder / "__init__.py").is_file():  # others share a namespace package
                    folders.setdefault(folder, owner)
        for each in discover("composer.specs"):
            if (specs := locate_folder(each)) is not None:
                folders.setdefault(specs, each.distribution)
        return cls({folder.resolve(): owner for folder, owner in folders.items()})

    def find(self, source: str) -> str | None:
        """The distribution that a document belongs to.

        Args:
            source: its file, as places name it; what is no file (`--set`) belongs to none.
        """
        if source not in self._known:
            self._known[source] = self._find(source)
        return self._known[source]

    def _find(self, source: str) -> str | None:
        if not source or source.startswith(("<", "-")):
            return None
        try:
            path = Path(source).resolve()
        except (OSError, ValueError, RuntimeError):
            return None
        around = [folder for folder in self._folders if path.is_relative_to(folder)]
        return self._folders[max(around, key=lambda f: len(f.parts))] if around else None


def find_owners() -> dict[str, str]:
    """The distribution of each import package that publishes anything.

    An entry point may name another distribution's package, which stays the other's.
    """
    claims: dict[str, set[str]] = {"composer": {DISTRIBUTION}}
    for group in GROUPS:
        for each in discover(group):
            claims.setdefault(each.module.partition(".")[0], set()).add(each.distribution)
    return {package: _choose_owner(package, claimed) for package, claimed in claims.items()}


def _choose_owner(package: str, claimed: Collection[str]) -> str:
    """The one that a package belongs to of the distributions whose entry points name it."""
    if DISTRIBUTION in claimed:
        return DISTRIBUTION
    if len(claimed) > 1:
        installed = {normalise(name) for name in packages_distributions().get(package, ())}
        claimed = {name for name in claimed if name in installed} or claimed
    return min(claimed, key=lambda name: (name != normalise(package), name))


def find_distribution(package: str) -> str:
    """The distribution of an import package that publishes anything, else the package.

    Args:
        package: the package, with dots if it lies in one that several distributions share.
    """
    if package == "composer":
        return DISTRIBUTION
    published = (each for group in GROUPS for each in discover(group))
    claimed = {p.distribution for p in published if f"{p.module}.".startswith(f"{package}.")}
    return _choose_owner(package.partition(".")[0], claimed) if claimed else package


def locate_folder(publication: Publication) -> Path | None:
    """The folder that an entry point of `composer.specs` names; None if it is not there."""
    package, *inner = dotted_folder(publication).split(".")
    folders = (folder.joinpath(*inner) for folder in find_package_folders(package))
    return next((folder for folder in folders if folder.is_dir()), None)


def dotted_folder(publication: Publication) -> str:
    """The folder that an entry point names, as `package.folder`."""
    return ".".join(filter(None, (publication.module, publication.attribute)))
