"""The one meaning of a model's name: a spec, a checkpoint or an experiment. Torch is not imported.

Every command and every call that takes a model asks here, so that each takes the same names.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Literal, NamedTuple

from composer.discovery import (
    find_missing_distribution,
    find_model,
    find_published,
    published_specs,
    shipped_models,
    shipped_specs,
)
from composer.downloads import is_address, is_hub_model
from composer.errors import InputError, NameResolutionError, PluginError
from composer.files import is_there
from composer.model_folders import files_of, read_model_folder, read_our_folder
from composer.names import did_you_mean
from composer.regular_files import find_special_kind, open_regular_file
from composer.runs import describes_run, find_weights, is_run

_LOGGER = logging.getLogger(__name__)
CHECKPOINT_SUFFIXES = (".safetensors", ".pth", ".pt", ".pt2", ".ckpt", ".bin", ".pkl", ".pyth")
DOCUMENT_SUFFIXES = (".yaml", ".yml", ".json")
_INSTALLED = "package:"
_START = 65536  # bytes of a document, in which its kind is written
_SHARDS = re.compile(r'"weight_map"\s*:')  # of an index of weights in several files
_EXPERIMENT = re.compile(r"^\s*\{?\s*[\"']?composer_experiment[\"']?\s*:", re.MULTILINE)
_DATA = re.compile(r"^\s*\{?\s*[\"']?composer_data[\"']?\s*:", re.MULTILINE)
_POINTER = "last_checkpoint"


class ModelSource(NamedTuple):
    """What a model's name means.

    Attributes:
        kind: a spec, a checkpoint that is to describe itself, an experiment, a published model, or
            a folder that a plugin reads.
        name: its file, its folder, its address, or the name of a published spec or model.
    """

    kind: Literal["spec", "checkpoint", "experiment", "published", "folder"]
    name: str


def find_model_source(model: str | os.PathLike[str]) -> ModelSource:
    """Finds what a model's name means.

    Args:
        model: the name of a shipped model or a published spec; the file of a spec, a checkpoint or
            an experiment; the folder of a run, one with a `last_checkpoint`, or one that a plugin
            reads, also on a hub (`hf://owner/repo`); a file of an installed package
            (`package:name/of/file`); the address of a checkpoint; or the name of a published model
            in a catalogue, or a unique end of it.

    Raises:
        NameResolutionError: there is no model of that name.
        InputError: the file or folder is something else.
        CheckpointError: the run has no weights yet.
    """
    if not isinstance(model, (str, os.PathLike)):
        raise InputError(f"a model is named by text or a path, not by a {type(model).__name__}")
    name = os.fspath(model)
    if is_hub_model(name):
        return ModelSource("folder", name)
    if is_address(name):
        return ModelSource("checkpoint", name)
    path = Path(name)
    if name.startswith(_INSTALLED) or path.suffix.lower() in CHECKPOINT_SUFFIXES:
        return ModelSource("checkpoint", name)
    if (shipped := find_model(name)) is not None:
        if shipped.note:
            _LOGGER.warning("note: %s", shipped.note)
        return ModelSource("checkpoint", os.fspath(shipped.path))
    if is_there(name) and path.is_dir():
        return _judge_folder(path)
    if is_there(name) and path.is_file():
        return _judge_file(path)
    if (kind := find_special_kind(path)) is not None:
        raise InputError(f"'{name}' is {kind}, not a file: a model is a name, a file or a folder")
    if path.suffix or find_published(name) is not None:
        return ModelSource("spec", name)
    from composer.catalogues import find_entry  # late: `composer --help` needs no catalogue

    if (entry := find_entry(name)) is not None:
        return ModelSource("published", entry.name)
    raise NameResolutionError(_describe_unknown(name))


def _judge_folder(folder: Path) -> ModelSource:
    name, find = os.fspath(folder), files_of(folder)
    # First, as other libraries call their files of weights as a run does.
    if read_our_folder(name, find) is not None:
        return ModelSource("folder", name)
    if describes_run(folder):
        return ModelSource("checkpoint", os.fspath(find_weights(folder)))
    if (folder / _POINTER).is_file() and not is_run(folder):
        return ModelSource("checkpoint", name)
    failure = ""
    try:
        if read_model_folder(name, find) is not None:
            return ModelSource("folder", name)
    except PluginError as error:
        failure = f" {error}"
    if is_run(folder):
        return ModelSource("checkpoint", os.fspath(find_weights(folder)))
    raise InputError(
        f"'{folder}' is a folder, but not that of a run (it has no weights or experiment), nor one "
        f"with a '{_POINTER}', nor one of a model that a plugin reads. A model is a name, a file "
        f"or such a folder.{failure}"
    )


def _judge_file(path: Path) -> ModelSource:
    if path.suffix.lower() not in DOCUMENT_SUFFIXES:
        if _is_text(path):
            raise InputError(
                f"'{path}' is neither a checkpoint ({', '.join(CHECKPOINT_SUFFIXES)}) nor a spec "
                "(.yaml)"
            )
        return ModelSource("checkpoint", os.fspath(path))
    start = _read_start(path)
    if _SHARDS.search(start):
        return ModelSource("checkpoint", os.fspath(path))
    if _EXPERIMENT.search(start):
        return ModelSource("experiment", os.fspath(path))
    if _DATA.search(start):
        raise InputError(f"'{path}' is a data file, not a model")
    return ModelSource("spec", os.fspath(path))


def _read_start(path: Path) -> str:
    with open_regular_file(path) as file:
        return file.read(_START).decode("utf-8-sig", "replace")


def _is_text(path: Path) -> bool:
    with open_regular_file(path) as file:
        start = file.read(512)
    return b"\0" not in start and all(byte >= 9 for byte in start) and start[:1] != b"\x80"


def _describe_unknown(name: str) -> str:
    from composer.catalogues import find_missing_owner, list_entries, name_closest

    shipped = shipped_models()
    known = [*published_specs(), *(entry.name for entry in list_entries())]
    if missing := find_missing_distribution(name, known) or find_missing_owner(name):
        return (
            f"there is no file or folder '{name}', and the distribution '{missing}' is not "
            "installed, so there is no model of that name either"
        )
    if hint := name_closest(name, [*shipped, *shipped_specs()]):
        return f"there is no model '{name}'. Did you mean '{hint}'?"
    return (
        f"there is no model '{name}'. {did_you_mean(name, shipped, 'models that ship')} Specs "
        "are models, too: `composer specs` lists them, and `composer models` those with weights to "
        "fetch."
    )
