"""Finds what a model means: a spec, or a checkpoint that says which spec it belongs to."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from composer.blueprint import Blueprint, Names, listed
from composer.catalogues import DEFAULT_WEIGHTS, Entry, find_default, find_entry
from composer.construction import check_source, check_spec
from composer.documents import ProblemLog, Setting, SettingsSource, collect_settings
from composer.downloads import fetch, is_address, is_hub_model
from composer.errors import CheckpointError, InputError, NameResolutionError
from composer.files import is_there
from composer.graph.description import read_description
from composer.graph.weights import LoadOptions, Weights
from composer.language import NamedSpec, SavedSpec, Spec, SpecSource, log_notes
from composer.model_folders import HUB_WEIGHTS, SHARD_INDEX, files_of, read_model_folder
from composer.model_source import find_model_source

if TYPE_CHECKING:
    from composer.graph.graph import Graph

_OPTIONS = LoadOptions()
_VALUES = (Mapping, SavedSpec, NamedSpec, Spec, Blueprint)  # models that are no names

Model = str | os.PathLike[str] | Mapping[str, Any] | Spec | Blueprint


class OpenedModel(NamedTuple):
    """A checked model and the weights that belong to it.

    Args:
        blueprint: the checked spec.
        weights: what the checkpoint holds, or the spec or the experiment names; nothing if there
            are none.
        options: of the load of these weights.
    """

    blueprint: Blueprint
    weights: Weights
    options: LoadOptions = LoadOptions()


class ModelParts(NamedTuple):
    """What a model's name means.

    Args:
        spec: a spec's file or name, or the document of a checkpoint, a catalogue or a folder.
        weights: the weights of a checkpoint or an experiment; None of a spec, which may name some.
        settings: values for the spec by address, of an experiment.
        options: of the load of the weights.
        note: a remark on what the name means; empty if there is none.
    """

    spec: SpecSource
    weights: Weights | None
    settings: Sequence[Setting] = ()
    options: LoadOptions = LoadOptions()
    note: str = ""

    def settings_with(self, given: SettingsSource) -> SettingsSource:
        """The settings and, after them, given ones.

        Raises:
            SpecError: given ones are none.
        """
        if not self.settings:
            return given
        log = ProblemLog()
        settings = [*self.settings, *collect_settings(given, log)]
        log.raise_any()
        return settings


def open_blueprint(
    model: Model,
    set: SettingsSource = (),
    nodes: Mapping[str, Any] | None = None,
    *,
    published_weights: bool = False,
) -> OpenedModel:
    """The checked spec of a model, and its own weights; nothing is built.

    Args:
        model: the name of a shipped model or a spec; a checkpoint that describes itself, or its
            address; the folder of a run; a spec as a file, mapping or value; a checked spec; or
            an experiment, which is its spec with its settings and initial weights.
        set: values by address; not for a spec that is loaded already.
        nodes: node types by name that no plugin publishes.
        published_weights: whether a spec is to have the weights that are published for it, with
            the names of their classes.

    Raises:
        NameResolutionError: if there is no model or spec of that name, or no published weights.
        InputError: if a file is no model, or values are set of a spec that is loaded already.
        CheckpointError: if a checkpoint cannot be read or describes no graph.
        SpecError: with all problems of the spec.
    """
    check_model(model)
    if isinstance(model, (Mapping, Spec, Blueprint)):
        if published_weights:
            raise InputError("published weights are found by the name of a spec, not by its values")
        blueprint = check_model_spec(model, set, nodes)
    else:
        source = read_model(model, published_weights=published_weights)
        log_notes([source.note] if source.note else [])
        blueprint = check_source(source.spec, set=source.settings_with(set), nodes=nodes)
        weights = blueprint.spec.weights if source.weights is None else source.weights
        return OpenedModel(blueprint, weights, source.options)
    return OpenedModel(blueprint, blueprint.spec.weights)


def open_model(
    model: Model,
    weights: Weights | None = None,
    options: LoadOptions = _OPTIONS,
    *,
    set: SettingsSource = (),
    nodes: Mapping[str, Any] | None = None,
) -> OpenedModel:
    """The checked spec of a model, with given weights or its own; see `open_blueprint`.

    Args:
        model: the model.
        weights: a checkpoint, or checkpoints by node; an empty mapping for none; `default` for the
            weights that are published for a spec.
        options: of the load; they add to those of the model's own weights.
        set: values by address.
        nodes: node types by name that no plugin publishes.

    Raises:
        ComposerError: as for `open_blueprint`.
    """
    is_published = asks_for_published(weights)
    opened = open_blueprint(model, set, nodes, published_weights=is_published)
    if weights is None or is_published:
        return opened._replace(options=opened.options.overridden_by(options))
    return opened._replace(weights=weights, options=options)


def read_model(model: str | os.PathLike[str], *, published_weights: bool = False) -> ModelParts:
    """The spec and the weights that a model's name means; nothing is checked.

    Args:
        model: as for `open_blueprint`, without specs that are values.
        published_weights: as for `open_blueprint`; other models have weights of their own.

    Raises:
        NameResolutionError: there is no model of that name.
        InputError: it is no checkpoint, spec or experiment.
        CheckpointError: a checkpoint cannot be read or describes no graph.
        SpecError: with all problems of an experiment.
    """
    kind, name = find_model_source(model)
    if kind == "experiment":
        # An experiment is read with its data and training settings, which are above this layer.
        from composer.experiment import read_as_model

        return read_as_model(name)
    if kind == "published":
        entry = find_entry(name)
        assert entry is not None
        return _read_entry(entry)
    if kind == "spec":
        return _read_entry(find_default(name)) if published_weights else ModelParts(name, None)
    if kind == "folder":
        return _read_folder(name)
    if is_address(name):
        name = os.fspath(fetch(name))
    description = read_description(name)
    return ModelParts(description.spec, dict.fromkeys(description.nodes, name) or name)


def _read_entry(entry: Entry) -> ModelParts:
    """The spec and the weights of a published model; nothing is fetched.

    Raises:
        InputError: there is no spec for it.
    """
    if entry.document is None:
        raise InputError(f"'{entry.name}' has no spec yet; its checkpoint is {entry.weights}")
    return ModelParts(NamedSpec(entry.document, entry.name), entry.weights)


def _read_folder(name: str) -> ModelParts:
    """The parts of a model in a folder that a plugin reads."""
    found = read_model_folder(name, files_of(name))
    if found is None and is_hub_model(name):
        raise InputError(
            f"no installed plugin opens '{name}': detection-composer[transformers] opens models of "
            f"transformers, and a checkpoint of another kind is named by its file, {name}/FILE"
        )
    if found is None:
        raise InputError(f"'{name}' is no longer the folder of a model")
    if found.weights is None and is_hub_model(name):
        fetch(f"{name.rstrip('/')}/{HUB_WEIGHTS}")  # says what is missing
    weights = None if found.weights is None else os.fspath(found.weights)
    if weights is not None and weights.endswith(SHARD_INDEX) and is_hub_model(name):
        weights = f"{name.rstrip('/')}/{Path(weights).name}"  # whose shards are beside it there
    options = LoadOptions(key_mapping=found.key_mapping)
    spec = NamedSpec({"name": _name_model(name), **found.spec}, name)
    return ModelParts(spec, weights, options=options, note=found.note)


def _name_model(folder: str) -> str:
    """What a folder's model is called, if its reader does not say: as the folder is."""
    if is_hub_model(folder):
        return folder.rstrip("/").rpartition("/")[2].partition("@")[0]
    return Path(folder).absolute().name


def read_only_spec(
    spec: SpecSource | Spec,
    set: SettingsSource,
    nodes: Mapping[str, Any] | None,
    weights: Weights | None,
) -> tuple[Model, SettingsSource]:
    """The checked spec of what can be a spec only, and the settings that are left to apply.

    The name of a spec whose published weights are asked for stays a name.

    Raises:
        ComposerError: as for `check_model_spec`.
    """
    if asks_for_published(weights) and isinstance(spec, (str, os.PathLike)):
        return spec, set
    return check_model_spec(spec, set, nodes), ()


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
        if not isinstance(spec, (Mapping, SavedSpec, NamedSpec)):
            _require_spec(spec)
        return check_source(spec, set=set, nodes=nodes)
    if set:
        raise InputError("a spec that is loaded has its settings: `load_spec` takes them")
    return spec if isinstance(spec, Blueprint) else check_spec(spec, nodes)


def asks_for_published(weights: Weights | None) -> bool:
    """Whether the weights are named `default`: those that are published for the model."""
    named = weights.get("") if isinstance(weights, Mapping) and len(weights) == 1 else weights
    return named == DEFAULT_WEIGHTS and not is_there(DEFAULT_WEIGHTS)


def check_model(model: object) -> None:
    """Makes sure that something can be a model.

    Raises:
        InputError: if it is of another type.
    """
    is_named = isinstance(model, (str, os.PathLike)) and isinstance(os.fspath(model), str)
    if not is_named and not isinstance(model, _VALUES):
        raise InputError(
            "a model is a name, a file, a mapping or a checked spec, not "
            f"{'nothing' if model is None else type(model).__name__}"
        )


def _require_spec(spec: str | os.PathLike[str]) -> None:
    """Refuses the name of a checkpoint or an experiment where only a spec is expected.

    Raises:
        InputError: as said.
    """
    try:
        kind, _ = find_model_source(spec)
    except (NameResolutionError, CheckpointError):
        return  # there is no such spec, which is said where it is read
    if kind in ("checkpoint", "published"):
        raise InputError(f"'{spec}' is a trained model, not a spec: Graph.open('{spec}') opens it")
    if kind == "folder":
        raise InputError(f"'{spec}' is a model, not a spec: Graph.open('{spec}') opens it")
    if kind == "experiment":
        raise InputError(
            f"'{spec}' is an experiment, not a spec: Graph.open('{spec}') opens its model"
        )


def without_taps(names: Names) -> list[str]:
    """The nodes and ports of names: a tap needs its node."""
    return list(dict.fromkeys(name.partition(":")[0] for name in listed(names)))


def require_weights(graph: Graph, paths: Collection[str] | None = None) -> None:
    """Makes sure that no weights of an opened model are random.

    Args:
        graph: the model.
        paths: the nodes that count; all if None.

    Raises:
        InputError: if some nodes have weights that no checkpoint filled.
    """
    random = [path for path in graph.random_nodes if paths is None or path in paths]
    if not random:
        return
    what = f"no weights for {', '.join(random)}" if graph.provenance else "no weights"
    raise InputError(
        f"'{graph.spec.name}' names {what}, so it would predict at random: give weights "
        "(--weights FILE on the command line)."
    )
