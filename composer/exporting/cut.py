"""The part of a graph that is exported, with values of it from some runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from composer.acceleration import LayoutError, TensorPart, find_failing_node
from composer.blueprint import Dependencies, Plan, Slot, Step
from composer.errors import ExportError
from composer.escapes import describe_error
from composer.exporting.flat_slots import FlatSlot, describe_slot, is_per_image
from composer.layers import EnginePart

Values = Mapping[Slot, Any]


@dataclass(frozen=True)
class Cut:
    """The nodes from some slots to others.

    Args:
        plan: the nodes in order, with what enters and leaves.
        dependencies: the slots and nodes of the graph, with their types.
        callables: what nodes call, by path of the module.
        examples: the values of all slots in some runs.
        scales: of slots whose images the file has as bytes, what it multiplies them by.
    """

    plan: Plan
    dependencies: Dependencies
    callables: Mapping[str, Callable[..., Any]]
    examples: Sequence[Values]
    scales: Mapping[Slot, float] = field(default_factory=dict)

    @property
    def steps(self) -> Sequence[Step]:
        """The nodes in order."""
        return self.plan.steps

    @cached_property
    def entering_slots(self) -> tuple[Slot, ...]:
        """The slots that are given to the file."""
        return (*self.plan.input_slots, *self.plan.used_feeds)

    @cached_property
    def leaving_slots(self) -> tuple[Slot, ...]:
        """The slots that the file computes."""
        slots = (slot for target in self.plan.targets for slot in target.endpoint.slots)
        return tuple(dict.fromkeys(slots))

    @cached_property
    def is_of_one_image(self) -> bool:
        """Whether the file takes one image: some node has an item for each of them."""
        inner = (slot for step in self.steps for slot in step.node.slots if slot in self.known)
        return any(is_per_image(self.type_of(slot)) for slot in (*self.entering_slots, *inner))

    @cached_property
    def entering(self) -> tuple[FlatSlot, ...]:
        """How the values that enter are made of tensors."""
        return tuple(self.flat(slot) for slot in self.entering_slots)

    @cached_property
    def leaving(self) -> tuple[FlatSlot, ...]:
        """How the values that leave are made of tensors."""
        return tuple(self.flat(slot) for slot in self.leaving_slots)

    @cached_property
    def known(self) -> frozenset[Slot]:
        """The slots that all examples have a value of."""
        return frozenset.intersection(*(frozenset(example) for example in self.examples))

    def flat(self, slot: Slot) -> FlatSlot:
        """How the value of a slot is made of tensors.

        Raises:
            ExportError: it holds none.
        """
        if slot not in self._flat:
            values = [example[slot] for example in self.examples]
            self._flat[slot] = describe_slot(
                slot,
                self.type_of(slot),
                values,
                of_one_image=self.is_of_one_image,
                scale=self.scales.get(slot),
            )
        return self._flat[slot]

    def read_inputs(self, example: Values) -> dict[str, Tensor]:
        """The tensors of one example that enter, by name."""
        return _by_name(self.entering, example)

    def read_outputs(self, example: Values) -> dict[str, Tensor]:
        """The tensors of one example that leave, by name."""
        return _by_name(self.leaving, example)

    def to_part(self) -> EnginePart:
        """The nodes as one module of tensors, whose inputs and outputs are named as a file's are.

        Raises:
            ExportError: a value is a list of an item an image, or holds no tensors.
        """
        inner = {
            slot for each in self.steps for end in each.arguments.values() for slot in end.slots
        }
        for slot in (*sorted(inner), *self.leaving_slots):
            if is_per_image(self.dependencies.type_of(slot)):
                raise ExportError(
                    f"'{slot}' is a list of an item an image, which a program of tensors cannot "
                    "have: export nodes of tensors, with --until and --feed, or whole detectors "
                    "to .onnx"
                )
        names, example = [step.node.path for step in self.steps], self.examples[0]
        try:
            part = TensorPart(
                self.dependencies, names, self.callables, example, leaving=self.leaving_slots
            )
            return part.eval().show(part.inputs.flatten(example))
        except LayoutError as error:
            nodes = ", ".join(names)
            raise ExportError(f"the nodes {nodes} are no program of tensors: {error}") from error
        except Exception as error:  # a node fails without the graph around it
            place = find_failing_node(error) or ", ".join(names)
            reason = f"{place}: {describe_error(error)}"
            raise ExportError(f"no program of tensors can be made of {reason}") from error

    @cached_property
    def _flat(self) -> dict[Slot, FlatSlot]:
        return {}

    def type_of(self, slot: Slot) -> Any:
        """The type of a slot; of one that takes anything, that of a port that it enters."""
        kind = self.dependencies.type_of(slot)
        if kind is not Any:
            return kind
        for step in self.steps:
            for port, end in step.arguments.items():
                if end.slots == (slot,) and not end.gathers and step.node.contract is not None:
                    return step.node.contract.inputs[port].type
        return kind


def _by_name(slots: Sequence[FlatSlot], example: Values) -> dict[str, Tensor]:
    return {
        tensor.name: value
        for flat in slots
        for tensor, value in zip(flat.tensors, flat.flatten(example[flat.slot]), strict=True)
    }
