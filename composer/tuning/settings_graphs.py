"""The graphs of many settings of one model: opened once, and varied from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from composer.blueprint import Blueprint
from composer.documents import SettingsSource
from composer.errors import ComposerError, InputError
from composer.graph import (
    Graph,
    LoadArguments,
    Model,
    VariedGraph,
    Weights,
    is_run_by_engine,
    open_model,
    require_weights,
    vary_graph,
)
from composer.tuning.grid import Values, find_neighbours
from composer.tuning.node_identity import number_nodes

Prepare = Callable[[Graph], Graph]


@dataclass(frozen=True)
class ModelChoice:
    """A model with its weights, and how its graphs are made.

    Args:
        model: as `Graph.open` takes it, but no graph.
        weights: checkpoints; those of the model by default.
        options: of the load of the weights.
        prepare: makes the graph that runs of one that was opened: on a device, optimised.
        nodes: node types by name that no plugin publishes.
    """

    model: Model
    weights: Weights | None
    options: LoadArguments
    prepare: Prepare
    nodes: Mapping[str, Any] | None = None

    def open(self, settings: SettingsSource) -> Graph:
        """The graph of a setting."""
        given: dict[str, Any] = {"set": settings, "nodes": self.nodes}
        graph = Graph.open(self.model, self.weights, **given, **self.options).eval()
        require_weights(graph)
        return self.prepare(graph)


@dataclass(frozen=True)
class CheckedSetting:
    """A setting whose spec was checked.

    Args:
        values: by address.
        settings: those of the model and these, as a spec takes them.
        blueprint: the checked spec.
        weights: what its weights are loaded from.
        numbers: of its nodes: see `number_nodes`.
    """

    values: Values
    settings: SettingsSource
    blueprint: Blueprint
    weights: Any
    numbers: Mapping[str, int]


def check_settings(
    choice: ModelChoice, grid: Sequence[Values], settings: Sequence[SettingsSource]
) -> list[CheckedSetting]:
    """Checks the specs of all settings; nothing is built.

    Args:
        choice: the model.
        grid: the settings, by the addresses that were given.
        settings: each with what the model has, as its spec takes them.

    Raises:
        SpecError: with all problems of a setting.
        InputError: an address changes nothing that inference computes.
    """
    opened = [
        open_model(choice.model, choice.weights, set=each, nodes=choice.nodes) for each in settings
    ]
    blueprints = [each.blueprint for each in opened]
    for blueprint in blueprints:
        _ = blueprint.image_format, blueprint.plan("inference")  # what cannot be evaluated fails
    numbers = number_nodes(blueprints, [each.weights for each in opened])
    checked = [
        CheckedSetting(values, its_settings, each.blueprint, each.weights, its_numbers)
        for values, its_settings, each, its_numbers in zip(
            grid, settings, opened, numbers, strict=True
        )
    ]
    for address in grid[0]:
        _check_change(checked, grid, address)
    return checked


def _check_change(checked: Sequence[CheckedSetting], grid: Sequence[Values], address: str) -> None:
    """Refuses an address whose values make no difference to inference.

    Raises:
        InputError: there is none between any two settings.
    """
    groups = [group for group in find_neighbours(grid, address) if len(group) > 1]
    if not groups:
        return
    for first, *others in groups:
        if any(_differ(checked[first], checked[other]) for other in others):
            return
    trained = {
        path
        for first, *others in groups
        for other in others
        for path, node in checked[first].blueprint.nodes.items()
        if node.config != getattr(checked[other].blueprint.nodes.get(path), "config", None)
    }
    named = [other for other in grid[0] if other != address]
    reason = ""
    if trained:
        reason = f": {', '.join(sorted(trained))} takes part in training only"
    elif named:
        reason = f"; does one of {', '.join(named)} set the same after it?"
    raise InputError(f"'{address}' changes no node that inference runs{reason}")


def _differ(one: CheckedSetting, other: CheckedSetting) -> bool:
    """Whether two settings may have different outputs."""
    spec, other_spec = one.blueprint.spec, other.blueprint.spec
    running = one.blueprint.plan("inference").paths, other.blueprint.plan("inference").paths
    return (
        running[0] != running[1]
        or any(one.numbers[path] != other.numbers[path] for path in running[0])
        or one.blueprint.image_format != other.blueprint.image_format
        or one.blueprint.outputs != other.blueprint.outputs
        or spec.metadata != other_spec.metadata
    )


def group_by_images(checked: Sequence[CheckedSetting]) -> list[list[int]]:
    """Places of the settings for which images are read alike, in groups."""
    groups: list[list[int]] = []
    for place, one in enumerate(checked):
        for group in groups:
            if checked[group[0]].blueprint.image_format == one.blueprint.image_format:
                group.append(place)
                break
        else:
            groups.append([place])
    return groups


def open_graphs(
    choice: ModelChoice, checked: Sequence[CheckedSetting]
) -> tuple[Graph, list[VariedGraph]]:
    """The graph of the first setting, and those of all.

    What differs from the first setting is built anew where it has no weights and is run by
    PyTorch; otherwise the setting's graph is opened like the first one's.

    Args:
        choice: the model.
        checked: the settings.

    Raises:
        ComposerError: a graph cannot be opened; of those after the first, it names the setting.
    """
    first = checked[0]
    graph = choice.open(first.settings)
    graphs = [VariedGraph.of(graph)]
    for one in checked[1:]:
        nodes = one.blueprint.nodes_in("inference")
        paths = [path for path in nodes if one.numbers[path] != first.numbers.get(path)]
        owners = {nodes[path].module_path for path in paths}
        has_weights = any(one.blueprint.weight_bytes.get(owner) for owner in owners)
        if has_weights or is_run_by_engine(graph, paths):
            graphs.append(VariedGraph.of(_open_varied(choice, one)))
        else:
            graphs.append(vary_graph(graph, one.blueprint, paths))
    return graph, graphs


def _open_varied(choice: ModelChoice, one: CheckedSetting) -> Graph:
    try:
        return choice.open(one.settings)
    except ComposerError as error:
        named = ", ".join(f"{address}={value}" for address, value in one.values.items())
        raise InputError(f"with {named}: {error}") from error
