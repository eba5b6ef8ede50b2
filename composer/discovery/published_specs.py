"""Specs by name: those that ship, and those that plugins publish. No plugin is imported.

A plugin publishes a folder of its package: an entry point `specs = "somebodys_plugin.specs"` in the
group `composer.specs`. A file `detector.yaml` in it is the spec `detector`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from composer.discovery.choice import Candidate, choose
from composer.discovery.entry_points import discover
from composer.discovery.homes import dotted_folder, locate_folder
from composer.discovery.installed import (
    DISTRIBUTION,
    find_version,
    shipped_folder,
    shipped_models,
)
from composer.discovery.publication import Publication
from composer.names import closest

SPEC_GROUP = "composer.specs"
_SUFFIX = ".yaml"
_ALIKE = 0.8  # more than `torchvision` and `some-vision`, less than words with a typing error


@dataclass(frozen=True)
class PublishedSpec:
    """A spec that has a name.

    Args:
        path: its file.
        publication: its name, and who publishes it.
        note: a remark on the choice of this one, or an empty text.
    """

    path: Path
    publication: Publication
    note: str = ""

    @property
    def is_shipped(self) -> bool:
        """Whether it comes with this package."""
        return self.publication.distribution == DISTRIBUTION

    @property
    def qualified(self) -> str:
        """The name that means this spec wherever it is written: `distribution/name`."""
        return self.publication.qualified


class _Folder(NamedTuple):
    path: Path
    owner: Publication


def published_specs() -> dict[str, PublishedSpec]:
    """The specs of models by name, those that ship first; blocks are left out.

    A name that several distributions publish is there once for each: qualified, except for ours.
    """
    found = [
        PublishedSpec(path, replace(owner, name=name))
        for folder, owner in _folders()
        for name, path in models_in(folder).items()
    ]
    named: dict[str, PublishedSpec] = {}
    for spec in found:
        name = spec.publication.name
        is_alone = sum(other.publication.name == name for other in found) == 1
        named.setdefault(name if is_alone or spec.is_shipped else spec.qualified, spec)
    return named


def find_published(name: str, home: str | None = None) -> PublishedSpec | None:
    """A published spec or block.

    Args:
        name: its name, which may be qualified: `somebodys-plugin/detector`.
        home: the distribution that the document belongs to that names it; None for a user's own.

    Raises:
        PluginError: if several others publish it, or one publishes it twice.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    found = list(_candidates(name))
    if not found:
        return None
    choice = choose("spec", name.removesuffix(_SUFFIX), [one for one, _ in found], home)
    path = next(path for one, path in found if one.publication == choice.publication)
    return PublishedSpec(path, choice.publication, choice.note)


def find_model(name: str, home: str | None = None) -> PublishedSpec | None:
    """The checkpoint of a trained model that ships.

    Args:
        name: its name, which may be qualified: `detection-composer/people`.
        home: as for `find_published`.
    """
    ours = Publication(name, "composer", "", DISTRIBUTION, find_version() or "", SPEC_GROUP)
    qualifier, slash, bare = name.rpartition("/")
    path = shipped_models().get(bare)
    if path is None or (slash and ours.matches(qualifier) is None):
        return None
    found = [Candidate(replace(ours, name=bare), "distribution" if slash else "name")]
    found += [candidate for candidate, _ in _candidates(name)]
    choice = choose("model", name, found, home)
    is_ours = choice.publication.distribution == DISTRIBUTION
    return PublishedSpec(path, choice.publication, choice.note) if is_ours else None


def _candidates(name: str) -> Iterator[tuple[Candidate, Path]]:
    """What a name can mean: a file in a folder of specs, or one in that of its qualifier."""
    qualifier, _, rest = name.partition("/")
    for folder, owner in _folders():
        match = owner.matches(qualifier) if rest else None
        if match and (path := find_file(folder, rest)):
            yield Candidate(_named(owner, folder, path), match), path
        elif path := find_file(folder, name):
            yield Candidate(_named(owner, folder, path), "name"), path


def _named(owner: Publication, folder: Path, path: Path) -> Publication:
    """The publication of a file; its target differs for files of several folders."""
    name = path.relative_to(folder).as_posix().removesuffix(_SUFFIX)
    return replace(owner, name=name)


def unfound_folders() -> list[str]:
    """A message for each plugin whose folder of specs is not there."""
    return [
        f"the specs of {owner.label} are not found: there is no folder '{dotted_folder(owner)}'"
        for owner in discover(SPEC_GROUP)
        if locate_folder(owner) is None
    ]


def find_missing_distribution(name: str, known: Iterable[str]) -> str | None:
    """The distribution that a qualified name is of, if it is not installed; None otherwise.

    Args:
        name: what was written: `somebodys-plugin/detector`.
        known: names that exist; one that begins alike was probably meant.
    """
    qualifier, slash, rest = name.partition("/")
    if not slash or not _is_distribution(qualifier):
        return None
    if "/" in rest or Path(rest).suffix or Path(qualifier).exists():  # a file's
        return None
    beginnings = {part for each in known for part in each.split("/")[:-1]}
    if closest(qualifier, beginnings, _ALIKE) or find_version(qualifier) is not None:
        return None
    return qualifier


def _is_distribution(text: str) -> bool:
    """Whether a text has the form of a distribution's name."""
    return re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", text) is not None


def find_file(folder: Path, name: str) -> Path | None:
    """The file of a name in a folder; `.yaml` may be left out."""
    for candidate in (folder / name, folder / f"{name}{_SUFFIX}"):
        try:
            if candidate.is_file():
                return candidate
        except (OSError, ValueError):  # a name that is too long, say, or holds a null character
            return None
    return None


def find_specs_folder(path: Path) -> Path | None:
    """The folder of published specs that a file lies in; None for any other file."""
    real = os.path.realpath(path)
    for folder, _ in _folders():
        if real.startswith(os.path.realpath(folder) + os.sep):
            return folder
    return None


def _folders() -> list[_Folder]:
    """The folders of specs and who publishes them; ours first."""
    ours = Publication("specs", "composer", "", DISTRIBUTION, find_version() or "", SPEC_GROUP)
    found = [_Folder(shipped_folder("specs"), ours)]
    for owner in discover(SPEC_GROUP):
        folder = locate_folder(owner)
        if folder is not None and folder not in [each.path for each in found]:
            found.append(_Folder(folder, owner))
    return found


def shipped_specs() -> dict[str, Path]:
    """The shipped models by name (`mask_rcnn_r50_fpn`, `torchvision/fcos`); blocks are left out."""
    return models_in(shipped_folder("specs"))


def models_in(folder: Path) -> dict[str, Path]:
    """The models of a folder of specs by name, sorted; what is below `blocks/` is left out."""
    names = {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.yaml")
    }
    return {name: names[name] for name in sorted(names) if not name.startswith("blocks/")}
