"""Graphs that differ from another in the configuration of some nodes, and share the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from composer.acceleration import OptimizedNodes, optimize_nodes
from composer.blueprint import Blueprint, Endpoint, Plan, Slot, Target, make_plan
from composer.construction import build_modules
from composer.graph.execution import Execution
from composer.graph.inputs import bind_inputs
from composer.graph.kept_runs import Keeping
from composer.graph.modules import VariedTable, device_of
from composer.language import Mode
from composer.value_cache import CacheFolder, open_cache

if TYPE_CHECKING:
    from composer.graph.graph import Graph

_MODE: Mode = "inference"


@dataclass(frozen=True)
class VariedGraph:
    """A graph that is run in parts, for inference: values are asked for and given by slot.

    Args:
        blueprint: its checked spec.
        execution: runs its plans.
    """

    blueprint: Blueprint
    execution: Execution

    @classmethod
    def of(cls, graph: Graph) -> VariedGraph:
        """A graph as it is."""
        return cls(graph.blueprint, graph._execution)

    def plan(self, slots: Sequence[Slot] | None, given: Collection[Slot]) -> Plan:
        """The steps from some slots on.

        Args:
            slots: what is computed; the outputs of the graph if None.
            given: the slots whose values are given.
        """
        if slots is None:
            return self.blueprint.plan(_MODE, None, given)
        targets = [Target(str(slot), Endpoint((slot,))) for slot in slots]
        return make_plan(self.blueprint.dependencies(_MODE), targets, given)

    def compute(
        self,
        plan: Plan,
        given: Mapping[Slot, Any],
        inputs: Any,
        seed: int,
        cache: CacheFolder | None = None,
    ) -> Mapping[Slot, Any]:
        """Runs a plan of slots.

        Args:
            plan: the plan.
            given: values by slot, those of the plan among them.
            inputs: the graph's input.
            seed: of all that nodes draw.
            cache: a folder in which the values of the targets are kept.

        Returns:
            The values of the plan's targets, by slot.
        """
        values = {slot: given[slot] for slot in plan.used_feeds}
        by_name = bind_inputs(self.blueprint.inputs[_MODE], (inputs,), {})
        targets = frozenset(target.slot for target in plan.targets)
        keeping = None if cache is None else Keeping(open_cache(cache), True, only=targets)
        self.execution.run(plan, values, by_name, seed=seed, keeping=keeping)
        return {slot: values[slot] for slot in targets}

    def answer(self, plan: Plan, given: Mapping[Slot, Any], inputs: Any, seed: int) -> Any:
        """Runs a plan of the graph's outputs, and returns them as the graph does.

        Args:
            plan: the plan.
            given: values by slot, those of the plan among them.
            inputs: the graph's input.
            seed: of all that nodes draw.
        """
        fed = {slot: given[slot] for slot in plan.feeds}
        return self.execution.answer(plan, (inputs,), fed=fed, seed=seed)


def vary_graph(graph: Graph, blueprint: Blueprint, paths: Collection[str]) -> VariedGraph:
    """A graph that has the modules of another but for some nodes, which are built.

    Args:
        graph: the other graph, in inference mode; optimised or with engines, as this one then is.
        blueprint: the checked spec of the varied graph.
        paths: the nodes that are built. They have no weights, and no engine runs them.
    """
    source = graph if graph.source is None else graph.source
    own = {blueprint.nodes[path].module_path for path in paths}
    built = build_modules(blueprint, seed=graph.seed, only=own, device=device_of(graph))
    for made in built.values():
        if hasattr(made, "eval"):
            made.eval()
    before = graph._execution
    execution = Execution(
        blueprint,
        VariedTable(source._callables, built),
        None if before.optimized is None else _reoptimize(before.optimized, blueprint, paths),
        None if before.sets is None else before.sets.of(blueprint),
    )
    return VariedGraph(blueprint, execution)


def is_run_by_engine(graph: Graph, paths: Collection[str]) -> bool:
    """Whether an engine runs any of some nodes."""
    sets = graph._execution.sets
    return sets is not None and not sets.paths.isdisjoint(paths)


def _reoptimize(
    optimized: OptimizedNodes, blueprint: Blueprint, paths: Collection[str]
) -> OptimizedNodes:
    """The optimised nodes, with those that were built in place of others."""
    kept = {path: node for path, node in optimized.nodes.items() if path not in paths}
    found = optimize_nodes(blueprint, optimized.precision, paths)
    return OptimizedNodes(optimized.precision, {**kept, **found.nodes})
