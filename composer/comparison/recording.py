"""The values of a run by slot, and the nodes of a graph run alone on given values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from composer.blueprint import Names, Plan, Slot, Step
from composer.graph import Graph, bind_inputs, read_inputs

Key = Slot | str
"""A slot, or the full name of a tap."""


def name_of(slot: Slot) -> str:
    """The full name of a slot, with its port."""
    return f"{slot.path}.{slot.port}" if slot.port else slot.path


@dataclass(frozen=True)
class Unit:
    """A node of a plan, or a set of nodes that an engine runs as one.

    Args:
        step: its step in the plan.
        slots: the slots that it gives; of a set those that leave it.
        taps: full names of modules inside it that are asked for.
        needs: the slots that it takes.
    """

    step: Step
    slots: tuple[Slot, ...]
    taps: tuple[str, ...]
    needs: tuple[Slot, ...]

    @classmethod
    def of(cls, step: Step) -> Unit:
        """The unit of a step."""
        slots = tuple([slot for _, slot in step.keeps]) if step.members else step.node.slots
        needs = [slot for wire in step.arguments.values() for slot in wire.slots]
        taps = tuple([f"{step.node.path}:{tap}" for tap in step.taps])
        return cls(step, slots, taps, tuple(dict.fromkeys(needs)))

    @property
    def paths(self) -> tuple[str, ...]:
        """The nodes that it runs."""
        return self.step.members or (self.step.node.path,)

    def spread(self, outputs: Mapping[str, Any]) -> dict[Slot, Any]:
        """The outputs that an observer sees, by slot."""
        values = list(outputs.values())
        if self.step.members:
            return {slot: values[place] for place, slot in self.step.keeps}
        return dict(zip(self.slots, values, strict=True))


@dataclass(frozen=True)
class Request:
    """What is run of both models.

    Args:
        inputs: the inputs of a graph, as `Graph.run` takes them.
        until: nodes, ports or taps; all outputs if None.
        seed: the seed of what nodes draw.
    """

    inputs: Any
    until: Names | None
    seed: int

    def plan(self, graph: Graph) -> Plan:
        """What runs, sets of an engine as one step."""
        return graph.plan(self.until, mode="inference")

    def read_inputs(self, graph: Graph, plan: Plan) -> dict[Slot, Any]:
        """The values of the inputs and of their parts that a plan reads."""
        points = graph.blueprint.inputs["inference"]
        given = () if self.inputs is None else (self.inputs,)
        return read_inputs(points, plan, bind_inputs(points, given, {}))

    def run(
        self, graph: Graph, plan: Plan, see: Callable[[Unit, Mapping[Slot, Any]], None]
    ) -> dict[str, Any]:
        """Runs a plan.

        Args:
            graph: the graph.
            plan: the plan.
            see: gets each unit and what it gave, in order.

        Returns:
            What was asked for, by full name, or by name of an output.
        """
        units = {step.node.path: Unit.of(step) for step in plan.steps}
        seen: dict[Slot, Any] = {}

        def observe(path: str, outputs: Mapping[str, Any]) -> None:
            found = units[path].spread(outputs)
            see(units[path], found)
            seen.update({slot: found[slot] for slot in found if slot in wanted})

        wanted = {slot for target in plan.targets for slot in target.endpoint.slots}
        seen.update(self.read_inputs(graph, plan))
        with torch.no_grad(), graph.add_hook(observe, "after", as_one=True):
            result = graph.run(self.inputs, until=plan, seed=self.seed)
        found: dict[str, Any] = {}
        for target in plan.targets:
            values = [seen[slot] for slot in target.endpoint.slots if slot in seen]
            if target.tap:
                found[target.name] = result[target.name]
            else:
                found[target.name] = values if target.endpoint.gathers else values[0]
        return found


class LoneNodes:
    """Runs units of a graph alone, on values of another graph where there are some.

    Args:
        graph: the graph.
        units: the units of its plan, in order.
        given: the other graph's values by slot of this one, and inputs.
        seed: the seed of what nodes draw.
    """

    def __init__(
        self, graph: Graph, units: Mapping[Slot, Unit], given: Mapping[Slot, Any], seed: int
    ) -> None:
        self._graph, self._units, self._given, self._seed = graph, units, given, seed
        self._computed: dict[Slot, Any] = {}

    def compute(self, unit: Unit) -> dict[Key, Any]:
        """What a unit gives on the other graph's values.

        What it takes from nodes that the other graph does not have is computed in the same way.

        Raises:
            ComposerError: it does not take these values, or fails on them.
        """
        keys: tuple[Key, ...] = (*unit.slots, *unit.taps)
        names = {key: key if isinstance(key, str) else name_of(key) for key in keys}
        feeds = {name_of(slot): self._value(slot) for slot in unit.needs}
        with torch.no_grad():
            found = self._graph.run(
                None, until=list(names.values()), feeds=feeds, mode="inference", seed=self._seed
            )
        return {key: found[name] for key, name in names.items()}

    def _value(self, slot: Slot) -> Any:
        if slot in self._given:
            return self._given[slot]
        if slot not in self._computed:
            found = self.compute(self._units[slot])
            self._computed.update({k: v for k, v in found.items() if isinstance(k, Slot)})
        return self._computed[slot]
