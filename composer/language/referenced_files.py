"""Files that a spec names: which of them it may open, and how much of them messages show.

A spec that the user names may refer to any file: it may stand in a project of several folders. A
published spec belongs to a plugin, and refers to published specs and to what lies in its own
folder. A file that is no spec is not quoted, wherever it is: messages may be shown to whoever wrote
the reference.
"""

from __future__ import annotations

import os
from pathlib import Path

from composer.discovery import find_specs_folder
from composer.documents import Located, Place, Problem, ProblemLog, label_path, read_file
from composer.errors import SpecError

_SUFFIXES = (".yaml", ".yml", ".json")
_INSTALLED = "package:"


def read_referenced(path: Path, log: ProblemLog, place: Place) -> Located:
    """Reads a spec that another document refers to.

    Args:
        path: its file.
        log: takes problems that do not keep the rest from being read.
        place: where the reference stands.

    Raises:
        SpecError: the file cannot be read, is no spec, or is none that the document may refer to.
    """
    if find_specs_folder(path):
        return read_file(path, log, place)
    if leads_out(path, place):
        message = f"'{os.fspath(path)}' leads out of the folder of the published spec"
        raise SpecError([Problem(place, message)])
    if path.suffix.lower() in _SUFFIXES and _is_below(path, place):
        return read_file(path, log, place)
    noted = ProblemLog()
    try:
        root = read_file(path, noted, place)
    except SpecError:
        root = None
    if root is None or not (root.is_mapping and (root.get("composer") or root.get("nodes"))):
        message = f"'{label_path(path)}' is no spec, or cannot be read"
        raise SpecError([Problem(place, message, "A spec is YAML and begins with 'composer: 1'.")])
    log.update(noted)
    return root


def leads_out(path: str | os.PathLike[str], place: Place) -> bool:
    """Whether a published spec names a file outside of the folders of published specs.

    Args:
        path: the file as it will be opened.
        place: where the reference stands.
    """
    if not place.line or os.fspath(path).startswith(_INSTALLED):
        return False
    is_published = find_specs_folder(Path(place.source)) is not None
    return is_published and find_specs_folder(Path(path)) is None


def _is_below(path: Path, place: Place) -> bool:
    return path.resolve().is_relative_to(Path(place.source).parent.resolve())
