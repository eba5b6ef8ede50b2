"""Specs by name: those that ship, and those that plugins publish. No plugin is imported.

A plugin publishes a folder of its package: an entry point `specs = "somebodys_plugin.specs"` in the
group `composer.specs`. A file `detector.yaml` in it is the spec `detector`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from composer.discovery.entry_points import discover
from composer.discovery.installed import (
    DISTRIBUTION,
    find_package_folders,
    find_version,
    shipped_folder,
)
from composer.discovery.publication import Publication, describe_clash, qualify
from composer.errors import PluginError

SPEC_GROUP = "composer.specs"


@dataclass(frozen=True)
class PublishedSpec:
    """A spec that has a name.

    Args:
        path: its file.
        publication: its name, and who publishes it.
    """

    path: Path
    publication: Publication

    @property
    def is_shipped(self) -> bool:
        """Whether it comes with this package."""
        return self.publication.distribution == DISTRIBUTION


def published_specs() -> dict[str, PublishedSpec]:
    """The models by name, those that ship first; blocks are left out.

    A name that several plugins publish is there once for each, qualified.
    """
    found = [
        PublishedSpec(path, replace(owner, name=name))
        for folder, owner in _folders().items()
        for name, path in models_in(folder).items()
    ]
    named: dict[str, PublishedSpec] = {}
    for spec in found:
        clashing = [o.publication for o in found if o.publication.name == spec.publication.name]
        is_alone = len(clashing) == 1
        named[spec.publication.name if is_alone else qualify(spec.publication, clashing)] = spec
    return named


def find_published(name: str, near: Path | None = None) -> Path | None:
    """The file of a published spec or block.

    Args:
        name: its name, which may be qualified: `somebodys-plugin/detector`.
        near: the folder of the spec that names it. Names of a plugin's own specs come first.

    Raises:
        PluginError: if several plugins publish it.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    folders = _folders()
    found = {folder: path for folder in folders if (path := find_file(folder, name))}
    own = [] if near is None else [folder for folder in found if _is_inside(near, folder)]
    if len(found) > 1 and not own:
        bare = name.removesuffix(".yaml")
        owners = [replace(folders[folder], name=bare) for folder in found]
        raise PluginError(describe_clash(f"spec '{bare}'", owners))
    for folder in [*own, *found]:
        return found[folder]
    return _find_qualified(name, folders)


def unfound_folders() -> list[str]:
    """A message for each plugin whose folder of specs is not there."""
    return [
        f"the specs of {owner.label} are not found: there is no folder '{_dotted(owner)}'"
        for owner in discover(SPEC_GROUP)
        if _locate(owner) is None
    ]


def find_file(folder: Path, name: str) -> Path | None:
    """The file of a name in a folder; `.yaml` may be left out."""
    for candidate in (folder / name, folder / f"{name}.yaml"):
        try:
            if candidate.is_file():
                return candidate
        except OSError:  # a name that is too long, say
            return None
    return None


def find_specs_folder(path: Path) -> Path | None:
    """The folder of published specs that a file lies in; None for any other file."""
    real = os.path.realpath(path)
    for folder in _folders():
        if real.startswith(os.path.realpath(folder) + os.sep):
            return folder
    return None


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _find_qualified(name: str, folders: Mapping[Path, Publication]) -> Path | None:
    qualifier, _, rest = name.partition("/")
    meant = [folder for folder, owner in folders.items() if owner.answers_to(qualifier)]
    paths = [path for folder in meant if rest and (path := find_file(folder, rest))]
    return paths[0] if paths else None


def _folders() -> dict[Path, Publication]:
    """The folders of specs and who publishes them; ours first."""
    ours = Publication("specs", "composer", "", DISTRIBUTION, find_version() or "not installed")
    owners = {shipped_folder("specs"): ours}
    for owner in discover(SPEC_GROUP):
        if (folder := _locate(owner)) is not None:
            owners.setdefault(folder, owner)
    return owners


def _locate(publication: Publication) -> Path | None:
    package, *inner = _dotted(publication).split(".")
    folders = (folder.joinpath(*inner) for folder in find_package_folders(package))
    return next((folder for folder in folders if folder.is_dir()), None)


def _dotted(publication: Publication) -> str:
    """The folder that an entry point names, as `package.folder`."""
    return ".".join(filter(None, (publication.module, publication.attribute)))


def shipped_specs() -> dict[str, Path]:
    """The shipped models by name (`mask_rcnn_r50_fpn`, `torchvision/fcos`); blocks are left out."""
    return models_in(shipped_folder("specs"))


def models_in(folder: Path) -> dict[str, Path]:
    """The models of a folder of specs by name, sorted; what is below `blocks/` is left out."""
    names = {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.yaml")
    }
    return {name: names[name] for name in sorted(names) if not name.startswith("blocks/")}
