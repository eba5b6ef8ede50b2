"""YAML documents other than specs: read, params put in place, checked by a pydantic model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from composer.documents.located import Located, locate
from composer.documents.places import Place
from composer.documents.problems import Problem, ProblemLog
from composer.documents.settable import apply_settings, give_params
from composer.documents.settable_document import SettableDocument
from composer.documents.settings import SettingsSource, collect_settings
from composer.documents.yaml_reader import MAX_BYTES, read_yaml
from composer.errors import SpecError
from composer.files import is_there
from composer.limits import format_bytes
from composer.regular_files import open_regular_file
from composer.text_files import decode_text

DocumentSource = str | os.PathLike[str] | Mapping[str, Any]

_SUFFIXES = (".yaml", ".yml", ".json")
_VERSIONS = ("composer", "composer_experiment", "composer_data")
_Model = TypeVar("_Model", bound=BaseModel)


def read_document(
    source: DocumentSource,
    model: type[_Model],
    *,
    set: SettingsSource = (),
    folder: str | os.PathLike[str] | None = None,
    prefix: str = "",
) -> _Model:
    """Reads a YAML document.

    It may have a section `params:` with defaults, which `${name}` uses, and a section `set:` with
    values by address; the model is given neither. Validators of the model find the document's
    folder in their context, under `FOLDER`.

    Args:
        source: a file, or the values themselves.
        model: what is made of it.
        set: values for params and addresses: by address, or as texts `address=value`.
        folder: what relative paths are relative to; that of the file by default, and of values the
            current one.
        prefix: what the addresses of params begin with, with a dot at the end.

    Raises:
        SpecError: with all problems at once, each with its place.
    """
    log = ProblemLog()
    document = SettableDocument(read_root(source, log), model, log, prefix)
    rest = give_params(collect_settings(set, log), [document])
    for section in (document.settings, rest):
        apply_settings(section, [document], log)
    found = document.validated(find_folder(source) if folder is None else Path(folder))
    log.raise_any()
    assert found is not None
    return found


def find_folder(source: DocumentSource) -> Path:
    """The folder that relative paths in a document count from."""
    return Path() if isinstance(source, Mapping) else Path(source).parent


def find_beside(path: str | os.PathLike[str], folder: Path) -> Path:
    """A file or folder named in a document: beside it, else as written if it exists."""
    beside = folder / path
    return Path(path) if not is_there(beside) and is_there(path) else beside


def as_absolute(name: str) -> str:
    """An existing file or folder by its absolute path; any other name as it is."""
    return str(Path(name).resolve()) if is_there(name) else name


def read_root(source: DocumentSource, log: ProblemLog) -> Located:
    """Reads the values of a document, whatever they are.

    Args:
        source: a file, or the values themselves.
        log: takes problems that do not keep the rest from being read.

    Raises:
        SpecError: the file cannot be read, or it is not YAML.
    """
    return locate(source, "<dict>") if isinstance(source, Mapping) else read_file(Path(source), log)


def read_file(path: Path, log: ProblemLog, place: Place | None = None) -> Located:
    """Reads a YAML file.

    A file of another suffix that is none of our documents may be anything, and is not quoted in
    messages: whoever wrote the reference to it is not always who may read it.

    Args:
        path: the file.
        log: takes problems that do not keep the rest from being read.
        place: where the reference to the file stands, for messages.

    Raises:
        SpecError: the file cannot be read, or it is not YAML.
    """
    label = label_path(path)
    place = place or Place(label)
    text = read_text(path, place)
    if path.suffix.lower() in _SUFFIXES:
        return read_yaml(text, label, log)
    noted = ProblemLog()
    try:
        root = read_yaml(text, label, noted)
    except SpecError:
        root = None
    if root is None or not root.is_mapping or not any(map(root.get, _VERSIONS)):
        hint = "Documents are YAML: their names end in .yaml, and they begin with 'composer: 1'."
        raise SpecError([Problem(place, f"'{label}' is no document, or cannot be read", hint)])
    log.update(noted)
    return root


def read_text(path: Path, place: Place) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark.

    Args:
        path: the file.
        place: where a message about it points.

    Raises:
        SpecError: it is no file, too large for a document, or cannot be read.
    """
    try:
        return decode_text(_read_plain_file(path))
    except OSError as error:
        reason = error.strerror or str(error)
    except ValueError as error:  # another encoding, or a name with a null character, too
        reason = str(error)
    message = f"cannot read '{label_path(path)}': {reason}"
    raise SpecError([Problem(place, message)])


def _read_plain_file(path: Path) -> bytes:
    """The bytes of a file; those of a huge one are not read."""
    with open_regular_file(path) as stream:
        content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            size = format_bytes(max(os.fstat(stream.fileno()).st_size, len(content)))
            raise ValueError(f"it has {size}, and a document at most {format_bytes(MAX_BYTES)}")
    return content


def label_path(path: Path) -> str:
    """The path as a user would write it: relative where that is shorter."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)
