"""Values that flow through a graph, each in one safetensors file.

The tensors stand under dotted keys that any reader of safetensors understands; how they make up
the value is in the file's metadata.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from composer.checkpoint import SafetensorsTensors, write_checkpoint
from composer.errors import CheckpointError, InputError
from composer.json_documents import parse_json_document
from composer.limits import Expansion, ExpansionError
from composer.storage.value_form import UnstorableError, describe_value, restore_value

_VERSION_KEY, _FORM_KEY = "composer.value", "composer.value.form"
_VERSION = "1"


def write_value(
    path: str | os.PathLike[str],
    value: object,
    notes: Mapping[str, str] | None = None,
    *,
    follow_links: bool = True,
) -> None:
    """Writes a value into one file, at once and whole. Missing folders are made.

    Args:
        path: a `.safetensors` file.
        value: tensors, arrays, numbers, texts, structures, and lists, tuples, NamedTuples and
            mappings of those.
        notes: what else the file is to say, by key.
        follow_links: whether a symbolic link of that name is followed, or replaced.

    Raises:
        CheckpointError: some part is of a class that is not known, or the file cannot be written.
    """
    if Path(path).suffix != ".safetensors":
        raise CheckpointError(f"{os.fspath(path)}: values are stored as '.safetensors'")
    try:
        form, tensors = describe_value(value)
    except UnstorableError as error:
        raise CheckpointError(f"{os.fspath(path)}: {error}") from None
    own = {_VERSION_KEY: _VERSION, _FORM_KEY: json.dumps(form, allow_nan=False)}
    write_checkpoint(path, tensors, metadata={**(notes or {}), **own}, follow_links=follow_links)


def read_value(path: str | os.PathLike[str]) -> Any:
    """Reads a value that `write_value` wrote.

    A NamedTuple comes back with its name and fields, but as a class of its own.

    Raises:
        InputError: the file is damaged, or holds a structure that is not known.
        CheckpointError: it is no safetensors file.
    """
    tensors = SafetensorsTensors(Path(path))
    metadata = tensors.header.metadata
    if (version := metadata.get(_VERSION_KEY)) != _VERSION:
        raise InputError(f"{path}: a value stored in version {version}; known is {_VERSION}")
    try:
        expansion = Expansion(path, os.path.getsize(path))
        return restore_value(parse_json_document(metadata[_FORM_KEY]), tensors, expansion)
    except ExpansionError as error:
        raise InputError(str(error)) from None
    except KeyError as error:
        raise InputError(f"{path}: the stored value names {error}, which is not known") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: the stored value is damaged: {error!s:.200}") from None


def is_stored_value(metadata: Mapping[str, str]) -> bool:
    """Whether the metadata of a safetensors file are those of a stored value."""
    return _VERSION_KEY in metadata
