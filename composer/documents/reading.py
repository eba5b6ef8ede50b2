"""YAML documents other than specs: read, params put in place, checked by a pydantic model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from composer.documents.located import Located, locate
from composer.documents.params import substitute_params
from composer.documents.places import Place
from composer.documents.problems import Problem, ProblemLog
from composer.documents.settings import parse_settings
from composer.documents.validation import validate
from composer.documents.yaml_reader import read_yaml
from composer.errors import SpecError

DocumentSource = str | os.PathLike[str] | Mapping[str, Any]

FOLDER = "folder"  # in the context of validators: what relative paths are relative to

_Model = TypeVar("_Model", bound=BaseModel)


def read_document(
    source: DocumentSource,
    model: type[_Model],
    *,
    settings: Sequence[str] = (),
    folder: str | os.PathLike[str] | None = None,
) -> _Model:
    """Reads a YAML document.

    It may have a section `params:` with defaults, which `${name}` uses and which the model is not
    given. Validators of the model find the document's folder in their context, under `FOLDER`.

    Args:
        source: a file, or the values themselves.
        model: what is made of it.
        settings: values for params as `name=value`, the value in YAML.
        folder: what relative paths are relative to; that of the file by default, and of values the
            current one.

    Raises:
        SpecError: with all problems at once, each with its place.
    """
    log = ProblemLog()
    root = _read(source, log)
    given = {setting.address: setting.value for setting in parse_settings(settings, log)}
    if not root.is_mapping:
        keys = [field.alias or name for name, field in model.model_fields.items()]
        log.add(root.place, f"a mapping is wanted, with the keys {', '.join(keys)}")
        log.raise_any()
    document, _ = substitute_params(root, given, log)
    if folder is None:
        folder = Path() if isinstance(source, Mapping) else Path(source).parent
    found = validate(_without_params(document), model, log, {FOLDER: Path(folder)})
    log.raise_any()
    assert found is not None
    return found


def find_beside(path: str | os.PathLike[str], folder: Path) -> Path:
    """The file or folder that a document means: beside it, else as written if it is there."""
    beside = folder / path
    return Path(path) if not beside.exists() and Path(path).exists() else beside


def as_absolute(name: str) -> str:
    """An existing file or folder by its absolute path; any other name as it is."""
    return str(Path(name).resolve()) if Path(name).exists() else name


def _read(source: DocumentSource, log: ProblemLog) -> Located:
    return locate(source, "<dict>") if isinstance(source, Mapping) else read_file(Path(source), log)


def read_file(path: Path, log: ProblemLog, place: Place | None = None) -> Located:
    """Reads a YAML file.

    Args:
        path: the file.
        log: takes problems that do not keep the rest from being read.
        place: where the reference to the file stands, for messages.

    Raises:
        SpecError: the file cannot be read, or it is not YAML.
    """
    label = label_path(path)
    return read_yaml(read_text(path, place or Place(label)), label, log)


def read_text(path: Path, place: Place) -> str:
    """The text of a UTF-8 file.

    Args:
        path: the file.
        place: where a message about it points.

    Raises:
        SpecError: the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        message = f"cannot read '{label_path(path)}': {reason}"
        raise SpecError([Problem(place, message)]) from None


def label_path(path: Path) -> str:
    """The path as a user would write it: relative where that is shorter."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)


def _without_params(document: Located) -> Located:
    return replace(
        document, value={key: item for key, item in document.entries() if key != "params"}
    )
