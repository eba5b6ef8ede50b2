"""Models by name, file or spec, with their weights."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.construction import check_source
from composer.discovery import shipped_folder, shipped_specs
from composer.errors import InputError, NameResolutionError
from composer.graph import Graph, Weights, load_weights
from composer.names import closest, did_you_mean

Model = Graph | str | os.PathLike[str] | Mapping[str, Any]

_CHECKPOINTS = (".safetensors", ".pth", ".pt", ".pkl", ".pyth")
_SPECS = (".yaml", ".yml", ".json")
_INSTALLED = "package:"


def shipped_models() -> dict[str, Path]:
    """The trained models that ship, by name: a folder each, with a self-describing checkpoint."""
    return {
        path.parent.name: path for path in sorted(shipped_folder("models").glob("*/*.safetensors"))
    }


def open_model(
    model: Model, weights: Weights | None = None, *, settings: Sequence[str] = ()
) -> Graph:
    """The graph of a model, with weights.

    Args:
        model: the name of a shipped model; a checkpoint that describes itself; a spec, as a file,
            a mapping or by name; or a graph, which is taken as it is.
        weights: a checkpoint, or checkpoints by node, in place of the model's own.
        settings: `name=value` for params of a spec.

    Raises:
        NameResolutionError: there is no model or spec of that name.
        InputError: it is a spec for which there are no weights; or it has no params to set.
        CheckpointError: a checkpoint cannot be read, does not fit, or does not describe a graph.
        SpecError: the spec has problems.
    """
    if isinstance(model, Graph):
        _refuse(settings, "the graph is built already")
        if weights is not None:
            load_weights(model, weights)
        return model
    if isinstance(model, Mapping):
        return _build(model, weights, settings)
    checkpoint = _find_checkpoint(model)
    if checkpoint is None:
        return _build(model, weights, settings)
    _refuse(settings, f"'{os.fspath(model)}' is a trained model, in which they have their values")
    graph = Graph.from_checkpoint(checkpoint)
    return graph if weights is None else open_model(graph, weights)


def _find_checkpoint(model: str | os.PathLike[str]) -> str | None:
    """The checkpoint that a name means; None if it is to be a spec."""
    name = os.fspath(model)
    if name.startswith(_INSTALLED) or Path(name).suffix.lower() in _CHECKPOINTS:
        return name
    shipped, specs = shipped_models(), shipped_specs()
    if name in shipped:
        return os.fspath(shipped[name])
    if Path(name).is_dir():
        return name
    if Path(name).is_file() and Path(name).suffix.lower() not in _SPECS:
        raise InputError(
            f"'{name}' is neither a checkpoint ({', '.join(_CHECKPOINTS)}) nor a spec (.yaml)"
        )
    if Path(name).exists() or name in specs or Path(name).suffix:
        return None
    if hint := closest(name, [*shipped, *specs]):
        raise NameResolutionError(f"there is no model '{name}'. Did you mean '{hint}'?")
    raise NameResolutionError(
        f"there is no model '{name}'. {did_you_mean(name, shipped, 'models that ship')} A spec is "
        "one, too, with weights."
    )


def _build(
    source: str | os.PathLike[str] | Mapping[str, Any],
    weights: Weights | None,
    settings: Sequence[str],
) -> Graph:
    blueprint = check_source(source, set=settings)
    if weights is None and not blueprint.spec.weights:
        raise InputError(
            f"'{blueprint.spec.name}' is a spec that names no weights, so it would predict at "
            "random: give weights (--weights FILE on the command line)."
        )
    graph = Graph.from_blueprint(blueprint)
    load_weights(graph, blueprint.spec.weights if weights is None else weights)
    return graph


def _refuse(settings: Sequence[str], reason: str) -> None:
    """Raises if there are settings for params.

    Raises:
        InputError: there are.
    """
    if settings:
        raise InputError(f"no params can be set ({', '.join(settings)}): {reason}")
