"""The best setting as a spec that extends the model's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from composer.blueprint import Blueprint
from composer.catalogues import qualify_weights
from composer.construction import check_source
from composer.documents import ProblemLog, SettingsSource, collect_settings, escape
from composer.errors import SpecError
from composer.files import is_there, write_text
from composer.graph import Model, ModelParts, Weights, open_model, read_model
from composer.language import LANGUAGE_VERSION, NamedSpec, SavedSpec, Spec, find_spec

BEST, MODEL = "best.yaml", "model.yaml"


def write_best(
    folder: str | os.PathLike[str],
    model: Model,
    settings: SettingsSource,
    weights: Weights | None = None,
    *,
    nodes: Mapping[str, Any] | None = None,
    doc: str = "",
) -> list[Path]:
    """Writes a setting as a spec that extends the model's and names its weights.

    The spec of a checkpoint is written beside it.

    Args:
        folder: the folder of the files; it is made.
        model: the model.
        settings: of the setting, without those that the model has itself.
        weights: checkpoints in place of the model's.
        nodes: node types by name that no plugin publishes.
        doc: a description.

    Returns:
        The files, that of the setting first.

    Raises:
        SpecError: the setting makes no spec of its own.
    """
    folder, parts = Path(folder), _read_parts(model)
    log = ProblemLog()
    found = collect_settings(parts.settings_with(settings), log)
    log.raise_any()
    base, beside = _name_base(parts)
    opened = open_model(model, weights, set=settings, nodes=nodes)
    sources, blueprint = _name_weights(opened.weights), opened.blueprint
    document: dict[str, Any] = {
        "composer": LANGUAGE_VERSION,
        "name": blueprint.spec.name,
        **({"doc": doc} if doc else {}),
        "extends": base,
        **({"weights": sources} if sources else {}),
        "set": {setting.address: escape(setting.value.plain()) for setting in found},
    }
    files = [folder / BEST]
    if beside is not None:
        files.append(folder / MODEL)
        write_text(files[1], _as_yaml(beside), follow_links=False)
    write_text(files[0], _as_yaml(document), follow_links=False)
    if not _is_complete(files[0], nodes):  # names of classes whose number the setting changes
        write_text(files[0], _as_yaml({**document, "metadata": None}), follow_links=False)
    return files


def _read_parts(model: Model) -> ModelParts:
    if isinstance(model, (str, os.PathLike)):
        return read_model(model)
    spec = model.spec if isinstance(model, Blueprint) else model
    return ModelParts(spec.document if isinstance(spec, Spec) else spec, None)


def _name_base(parts: ModelParts) -> tuple[str, Mapping[str, Any] | None]:
    """What the spec extends: a published spec by name, a file by path, or one that is written."""
    source = parts.spec
    if isinstance(source, (SavedSpec, NamedSpec)):
        return MODEL, source.document
    if isinstance(source, Mapping):
        return MODEL, source
    found = find_spec(source)
    if found is None or is_there(found.name):
        path = os.fspath(source) if found is None else os.fspath(found.path)
        return os.path.abspath(path), None
    return found.name, None


def _name_weights(found: Weights) -> Any:
    """The weights as a spec names them: files by their full path, models with distribution."""
    if not isinstance(found, Mapping):
        return _absolute(found)
    if list(found) == [""]:
        return _absolute(found[""])
    return {path: _absolute(name) for path, name in found.items()}


def _absolute(name: str | os.PathLike[str]) -> str:
    text = os.fspath(name)
    return os.path.abspath(text) if is_there(text) else qualify_weights(text)


def _is_complete(file: Path, nodes: Mapping[str, Any] | None) -> bool:
    try:
        check_source(file, nodes=nodes)
    except SpecError:
        return False
    return True


def _as_yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=96))
