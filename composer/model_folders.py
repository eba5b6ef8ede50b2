"""Folders of models that other libraries saved, read by plugins. No model is built.

A plugin publishes a reader as an entry point in the group `composer.model_folders`: a function of
one argument, a function that finds a file of the folder by its name (None where there is none), so
that a folder can be one on disk or one on a hub. It returns None for folders that are none of its
own, or a mapping:

- `spec`: the spec as a mapping;
- `weights`: the path of the checkpoint, or of the index of one in several files, or None;
- `key_mapping`: the name of the checkpoint's key mapping, or None for the one that fits;
- `note`: a remark for the user, or an empty text.

It raises a ValueError for a folder of its own that it cannot read. No code in a folder is run.

Our readers are asked first, and what they read is of no other plugin. What two others read is an
error that names both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from composer.discovery import DISTRIBUTION, Publication, discover, surviving_exits
from composer.downloads import (
    fetch_optional,
    find_file,
    is_fetching_forbidden,
    is_hub_model,
)
from composer.errors import ComposerError, InputError, PluginError
from composer.escapes import describe_error
from composer.registry import MODEL_FOLDER_GROUP

CONFIGURATION, HUB_WEIGHTS = "config.json", "model.safetensors"
SHARD_INDEX = ".index.json"  # how the name of an index of several files ends

FindFile = Callable[[str], Path | None]


class FolderModel(NamedTuple):
    """A model that a folder describes.

    Attributes:
        spec: its spec.
        weights: the file of its weights; None if there is none.
        key_mapping: the name of the file's key mapping; None for the one that fits.
        note: a remark on the model; empty if there is none.
    """

    spec: Mapping[str, Any]
    weights: Path | None
    key_mapping: str | None
    note: str


def read_our_folder(name: str, find: FindFile) -> FolderModel | None:
    """Reads a folder with the readers of this distribution.

    Args:
        name: of the folder, for messages.
        find: finds a file of the folder.

    Returns:
        The model; None if none of them recognises the folder.

    Raises:
        InputError: it is one of theirs that cannot be read.
    """
    ours = (each for each in discover(MODEL_FOLDER_GROUP) if each.distribution == DISTRIBUTION)
    found = (_read(reader, name, find) for reader in ours)
    return next((model for model in found if model is not None), None)


def read_model_folder(name: str, find: FindFile) -> FolderModel | None:
    """Reads a folder with our readers, else with the one of another plugin that recognises it.

    Args:
        name: of the folder, for messages.
        find: finds a file of the folder.

    Returns:
        The model; None if no plugin recognises the folder.

    Raises:
        InputError: it is a plugin's, which cannot read it.
        PluginError: two plugins recognise it; or nobody does, and one fails.
    """
    if (ours := read_our_folder(name, find)) is not None:
        return ours
    found: dict[Publication, FolderModel] = {}
    failed: list[PluginError] = []
    for reader in discover(MODEL_FOLDER_GROUP):
        if reader.distribution == DISTRIBUTION:
            continue
        try:
            model = _read(reader, name, find)
        except PluginError as error:  # one plugin must not hide what others read
            failed.append(error)
            continue
        if model is not None:
            found[reader] = model
    if len({reader.distribution for reader in found}) > 1:
        labels = " and ".join(f"'{each.name}' of {each.origin}" for each in found)
        raise PluginError(f"'{name}' is read by {labels}: only one of them can be installed")
    if failed and not found:
        raise failed[0]
    return next(iter(found.values()), None)


def _read(reader: Publication, name: str, find: FindFile) -> FolderModel | None:
    read = reader.load_function()
    try:
        with surviving_exits():
            found = read(find)
        if found is None:
            return None
        model = FolderModel(
            found["spec"], found["weights"], found["key_mapping"], found.get("note", "")
        )
    except ComposerError:
        raise
    except ValueError as error:
        raise InputError(f"'{name}': {describe_error(error, with_kind=False)}") from error
    except Exception as error:
        raise PluginError(
            f"'{name}' cannot be read as '{reader.name}' of {reader.label}: {describe_error(error)}"
        ) from error
    return model


def files_of(folder: str | os.PathLike[str]) -> FindFile:
    """The function that finds files in a folder on disk, or fetches those of a model on a hub.

    Args:
        folder: the folder, or the address of a model, `hf://owner/repo` or with a revision.
    """
    if is_hub_model(folder):
        return partial(_find_on_hub, os.fspath(folder).rstrip("/"))
    return partial(_find_in, Path(folder))


def _find_on_hub(address: str, name: str) -> Path | None:
    """A file of a model on a hub; without fetching, none where it is not at hand.

    What is there is told by the configuration, so that one must be.

    Raises:
        DownloadError: the hub does not give it, or the configuration is not at hand.
    """
    file = f"{address}/{name}"
    if name != CONFIGURATION and is_fetching_forbidden():
        return find_file(file)
    return fetch_optional(file)


def _find_in(folder: Path, name: str) -> Path | None:
    path = folder / name
    return path if path.is_file() else None
