"""Finds what a model means: a spec, or a checkpoint that says which spec it belongs to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from composer.blueprint import Blueprint, Names, listed
from composer.construction import check_source, check_spec
from composer.discovery import find_model, find_published, shipped_models, shipped_specs
from composer.documents import SettingsSource
from composer.errors import InputError, NameResolutionError
from composer.files import is_there
from composer.graph.description import read_description
from composer.graph.weights import Weights
from composer.language import Spec, SpecSource, log_notes
from composer.names import closest, did_you_mean
from composer.runs import find_weights, is_run

if TYPE_CHECKING:
    from composer.graph.graph import Graph

Model = str | os.PathLike[str] | Mapping[str, Any] | Spec | Blueprint

_CHECKPOINTS = (".safetensors", ".pth", ".pt", ".pkl", ".pyth")
_SPECS = (".yaml", ".yml", ".json")
_INSTALLED = "package:"


class OpenedModel(NamedTuple):
    """A checked model and the weights that belong to it.

    Args:
        blueprint: the checked spec.
        weights: what the checkpoint holds or the spec names; nothing if there are none.
    """

    blueprint: Blueprint
    weights: Weights


def open_blueprint(
    model: Model, set: SettingsSource = (), nodes: Mapping[str, Any] | None = None
) -> OpenedModel:
    """The checked spec of a model, and its own weights; nothing is built.

    Args:
        model: the name of a shipped model or a spec; a checkpoint that describes itself; the
            folder of a run; a spec as a file, mapping or value; or a checked spec.
        set: values by address; not for a spec that is loaded already.
        nodes: node types by name that no plugin publishes.

    Raises:
        NameResolutionError: if there is no model or spec of that name.
        InputError: if a file is neither a checkpoint nor a spec, or values are set of a spec that
            is loaded already.
        CheckpointError: if a checkpoint cannot be read or describes no graph.
        SpecError: with all problems of the spec.
    """
    check_model(model)
    if isinstance(model, (Mapping, Spec, Blueprint)):
        blueprint = check_model_spec(model, set, nodes)
    elif (checkpoint := _find_checkpoint(model)) is not None:
        description = read_description(checkpoint)
        blueprint = check_source(description.spec, set=set, nodes=nodes)
        return OpenedModel(blueprint, dict.fromkeys(description.nodes, checkpoint) or checkpoint)
    else:
        blueprint = check_source(model, set=set, nodes=nodes)
    return OpenedModel(blueprint, blueprint.spec.weights)


def check_model_spec(
    spec: SpecSource | Spec | Blueprint, set: SettingsSource, nodes: Mapping[str, Any] | None
) -> Blueprint:
    """The checked spec of a spec in any form.

    Raises:
        InputError: if values are set of a spec that is loaded already.
        SpecError: with all problems of the spec.
    """
    check_model(spec)
    if not isinstance(spec, (Spec, Blueprint)):
        return check_source(spec, set=set, nodes=nodes)
    if set:
        raise InputError("a spec that is loaded has its settings: `load_spec` takes them")
    return spec if isinstance(spec, Blueprint) else check_spec(spec, nodes)


def check_model(model: object) -> None:
    """Makes sure that something can be a model.

    Raises:
        InputError: if it is of another type.
    """
    is_named = isinstance(model, (str, os.PathLike)) and isinstance(os.fspath(model), str)
    if not is_named and not isinstance(model, (Mapping, Spec, Blueprint)):
        raise InputError(
            "a model is a name, a file, a mapping or a checked spec, not "
            f"{'nothing' if model is None else type(model).__name__}"
        )


def without_taps(names: Names) -> list[str]:
    """The nodes and ports of names: a tap needs its node."""
    return list(dict.fromkeys(name.partition(":")[0] for name in listed(names)))


def require_weights(graph: Graph) -> None:
    """Makes sure that no weights of an opened model are random.

    Raises:
        InputError: if some nodes have weights that no checkpoint filled.
    """
    random = graph.random_nodes
    if not random:
        return
    what = f"no weights for {', '.join(random)}" if graph.provenance else "no weights"
    raise InputError(
        f"'{graph.spec.name}' names {what}, so it would predict at random: give weights "
        "(--weights FILE on the command line)."
    )


def _find_checkpoint(model: str | os.PathLike[str]) -> str | None:
    """The checkpoint that a name means; None if it is to be a spec."""
    name = os.fspath(model)
    if name.startswith(_INSTALLED) or Path(name).suffix.lower() in _CHECKPOINTS:
        return name
    if (shipped := find_model(name)) is not None:
        log_notes([shipped.note] if shipped.note else [])
        return os.fspath(shipped.path)
    if is_there(name) and Path(name).is_dir():
        return os.fspath(find_weights(Path(name))) if is_run(Path(name)) else name
    if is_there(name) and Path(name).is_file() and Path(name).suffix.lower() not in _SPECS:
        raise InputError(
            f"'{name}' is neither a checkpoint ({', '.join(_CHECKPOINTS)}) nor a spec (.yaml)"
        )
    if is_there(name) or Path(name).suffix or find_published(name) is not None:
        return None
    models = shipped_models()
    if hint := closest(name, [*models, *shipped_specs()]):
        raise NameResolutionError(f"there is no model '{name}'. Did you mean '{hint}'?")
    raise NameResolutionError(
        f"there is no model '{name}'. {did_you_mean(name, models, 'models that ship')} Specs "
        "are models, too: `composer specs` lists them."
    )
