"""The sets of nodes of a graph that engines run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from composer.acceleration.engine_set import EngineSet
from composer.acceleration.fused_plan import FusibleSet, fuse_plan
from composer.blueprint import Blueprint, Plan, Slot, Step

_MAX_PLANS = 64  # that are kept, the latest


@dataclass(eq=False)
class EngineSets:
    """Sets of nodes that have no node in common, each with its engine.

    Args:
        sets: the sets.
    """

    sets: tuple[EngineSet, ...]
    _plans: dict[tuple[Any, ...], tuple[Plan, Plan]] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def _fusible(self) -> tuple[FusibleSet, ...]:
        return tuple([each.fusible() for each in self.sets])

    @cached_property
    def _by_name(self) -> Mapping[str, EngineSet]:
        return {each.key: each for each in self.sets}

    @property
    def paths(self) -> set[str]:
        """All their nodes."""
        return {path for each in self.sets for path in each.paths}

    def describe(self, num_nodes: int) -> str:
        """What engines run, in a few words.

        Args:
            num_nodes: the number of nodes of inference.
        """
        labels = dict.fromkeys(each.label for each in self.sets)
        counts = {
            label: sum(len(each.paths) for each in self.sets if each.label == label)
            for label in labels
        }
        return ", ".join(f"{label} in {n} of {num_nodes} nodes" for label, n in counts.items())

    def fuse(
        self, plan: Plan, watched: Collection[str] = (), edited: Collection[Slot] = ()
    ) -> Plan:
        """The plan with the sets as one step each, where nothing inside them is asked for.

        Args:
            plan: the plan.
            watched: nodes that hooks watch.
            edited: slots that are edited.
        """
        plain = plan.original or plan
        failed = {each.paths: each.failure for each in self.sets if each.failure}
        seen = tuple(sorted(self.paths.intersection(watched)))
        changed = tuple(sorted(slot for slot in {*edited, *plain.edits} if slot.path in self.paths))
        key = (id(plain), seen, changed, tuple(failed))
        found = self._plans.get(key)
        if found is None or found[0] is not plain:
            found = plain, fuse_plan(plain, self._fusible, seen, failed, changed)
            while len(self._plans) >= _MAX_PLANS:
                self._plans.pop(next(iter(self._plans)), None)
            self._plans[key] = found
        return found[1]

    def extend(self, callables: Mapping[str, Callable[..., Any]]) -> Mapping[str, Any]:
        """What nodes call, and what sets call by their names.

        Args:
            callables: by path of the module.
        """
        return _Extended(callables, self._by_name)

    def plain(self, step: Step, callables: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
        """What PyTorch calls for a step that runs a set as one.

        Args:
            step: the step.
            callables: what nodes call, by path of the module.
        """
        return partial(_compute, self._by_name[step.node.module_path], callables)

    def describe_way(self, step: Step) -> tuple[str, ...]:
        """What the values of a step depend on, beside its nodes: engine and calibration.

        Args:
            step: a step of a set.
        """
        found = self._by_name[step.node.module_path]
        calibration = "" if found.calibration is None else found.calibration.digest
        return (found.label, found.engine.engine.describe_version(), calibration)

    def was_replaced(self, step: Step) -> bool:
        """Whether PyTorch ran the nodes of a set in this thread's last run: see `EngineSet`.

        Args:
            step: a step of a set.
        """
        return self._by_name[step.node.module_path].was_replaced

    def joined(self, others: Sequence[EngineSet]) -> EngineSets:
        """These sets and others, without those of these that have a node of the others."""
        taken = {path for each in others for path in each.paths}
        kept = [each for each in self.sets if taken.isdisjoint(each.paths)]
        return EngineSets((*kept, *others))

    def of(self, part: Blueprint) -> EngineSets:
        """The sets all of whose nodes are in a part of the graph.

        Args:
            part: the part.
        """
        if "inference" not in part.modes:
            return EngineSets(())
        nodes, dependencies = part.nodes_in("inference"), part.dependencies("inference")
        outputs = find_outputs(part)
        kept = [each for each in self.sets if all(path in nodes for path in each.paths)]
        return EngineSets(tuple([each.within(dependencies, outputs) for each in kept]))

    def __getstate__(self) -> dict[str, Any]:
        return {"sets": self.sets, "_plans": {}}


class _Extended(Mapping[str, Any]):
    """Callables, and sets by name, which find what their nodes call in them."""

    def __init__(
        self, callables: Mapping[str, Callable[..., Any]], sets: Mapping[str, EngineSet]
    ) -> None:
        self._callables, self._sets = callables, sets

    def __getitem__(self, path: str) -> Callable[..., Any]:
        found = self._sets.get(path)
        if found is None:
            return self._callables[path]
        return partial(_run, found, self._callables)

    def __iter__(self) -> Iterator[str]:
        yield from self._sets
        yield from self._callables

    def __len__(self) -> int:
        return len(self._sets) + len(self._callables)


def _run(
    found: EngineSet, callables: Mapping[str, Callable[..., Any]], /, **values: Any
) -> tuple[Any, ...]:
    return found.run(callables, values)


def _compute(
    found: EngineSet, callables: Mapping[str, Callable[..., Any]], /, **values: Any
) -> tuple[Any, ...]:
    return found.compute(callables, values)


def find_outputs(blueprint: Blueprint) -> frozenset[Any]:
    """The slots that a graph gives in inference."""
    ends = blueprint.outputs["inference"].values()
    return frozenset([slot for end in ends for slot in end.slots])
