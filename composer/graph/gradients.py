"""Gradients of a number with respect to values at names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from composer.blueprint import Slot, Step
from composer.errors import InputError
from composer.executor import Edits as BoundEdits
from composer.graph.recorded_part import Recorded, RecordedPart, list_tensors, recording
from composer.graph.unrecorded_modules import UnrecordedModules, without_recording
from composer.graph.value_parts import ValuePart
from composer.plurals import count_noun
from composer.structures import iterate_tensors, map_tensors
from composer.values import carries_gradients

_MAX_SHOWN = 4  # nodes in a message


class Evaluation(NamedTuple):
    """A number and its gradients.

    Args:
        number: the number.
        values: what it was differentiated by, in order.
        gradients: the gradients, of the form of the values.
    """

    number: float
    values: list[Any]
    gradients: list[Any]


class Differentiable:
    """A number as a function of values at names.

    Args:
        part: the number and the values.
        give: returns the values of slots, and the edits of what is computed from them.
        inputs: the graph's inputs by name.
        seed: the seed of the run.
        in_place_of_optimised: whether the nodes are otherwise run in other forms, or by engines.
    """

    def __init__(
        self,
        part: RecordedPart,
        give: Callable[[Sequence[Slot]], tuple[Mapping[Slot, Any], BoundEdits]],
        inputs: Mapping[str, Any],
        seed: int,
        *,
        in_place_of_optimised: bool = False,
    ) -> None:
        self._part, self._give, self._inputs, self._seed = part, give, inputs, seed
        notes = [f"with gradients from: {', '.join(one.text for one in part.at)}"]
        if in_place_of_optimised:
            notes.append("by PyTorch, on the original weights: all nodes")
        self.plan = dataclasses.replace(part.plan, notes=tuple(notes))

    def run(self, chosen: Mapping[int, Tensor] | None = None, **options: Any) -> Recorded:
        """Computes the number, and records it.

        Args:
            chosen: tensors to use for some of the values, by place among them.
            **options: as `RecordedPart.run` takes them.

        Raises:
            InputError: there is no such number or value, or a value has no tensor to differentiate
                by.
            NameResolutionError, ExecutionError: as for a run.
        """
        given, edits = self._give(self._part.frontier)
        options |= {"chosen": chosen, "edits": edits}
        return self._part.run(given, self._inputs, self._seed, **options)

    def take_values(self, recorded: Recorded) -> list[Any]:
        """The values of a run, without gradients.

        Args:
            recorded: the run.
        """
        wholes = [(one, recorded.values[place]) for place, one in enumerate(self._part.at)]
        return [one.find(map_tensors(Tensor.detach, whole)) for one, whole in wholes]

    def evaluate(self, *, is_lenient: bool = False) -> Evaluation:
        """Computes the number, and its gradients with respect to the values.

        What the number does not depend on in this run has the gradient zero.

        Args:
            is_lenient: whether that is so, too, for a value of several from which no path leads to
                the number that can be differentiated.

        Raises:
            InputError: the number is none, or a node between it and a value gives its outputs
                without gradients.
            NameResolutionError, ExecutionError: as for a run.
        """
        part, recorded = self._part, self.run()
        found = differentiate(part, recorded)
        apart = [
            place
            for place, one in enumerate(part.at)
            if all(found[id(t)] is None for t in list_tensors(one, recorded.values[place]))
        ]
        for place in () if is_lenient and len(apart) < len(part.at) else apart:
            self._require_connection(place)
        wholes = [(one, recorded.values[place]) for place, one in enumerate(part.at)]
        return Evaluation(
            recorded.scalar.item(),
            self.take_values(recorded),
            [_arrange(one, whole, found) for one, whole in wholes],
        )

    def _require_connection(self, place: int) -> None:
        """Makes sure that the number could depend on a value, which it does not in this run.

        A pooler that takes no region from a level is such a case. A node whose outputs have no
        gradients whatever it is given is none.

        Raises:
            InputError: if it could not.
        """
        part, carriers = self._part, _Carriers()
        self.run(places=[place], observers=[carriers])
        ends = carriers.ends
        cuts = [path for path, given in ends.items() if not _passes(part, path, given)]
        if len(cuts) < len(ends):
            return
        if not cuts:  # a node that seems to pass them on
            cuts = [
                path
                for path, given in carriers.passed.items()
                if not _passes(part, path, given, only_recorded=True)
            ]
        nodes = part.dependencies.nodes
        paths = cuts or [part.of.target.slot.path]
        shown = [f"'{path}' ({nodes[path].type_name})" for path in paths if path in nodes]
        others = len(shown) - _MAX_SHOWN
        more = f" and {count_noun(others, 'other')}" if others > 0 else ""
        raise InputError(
            f"'{part.of.text}' has no gradient at '{part.at[place].text}': the path is cut at "
            f"{', '.join(shown[:_MAX_SHOWN])}{more}, where none is passed on"
        )


def differentiate(part: RecordedPart, recorded: Recorded) -> dict[int, Tensor | None]:
    """The gradient of each tensor of the values, by its identity; None where none arrives.

    Args:
        part: the number and the values.
        recorded: its run.
    """
    values = recorded.values
    listed = [t for place, value in values.items() for t in list_tensors(part.at[place], value)]
    tensors = {id(tensor): tensor for tensor in listed}
    reached = [tensor for tensor in tensors.values() if tensor.requires_grad]
    found: dict[int, Tensor | None] = dict.fromkeys(tensors)
    if reached and recorded.scalar.requires_grad:
        with recording():
            gradients = torch.autograd.grad(recorded.scalar, reached, allow_unused=True)
        found |= dict(zip(map(id, reached), gradients, strict=True))
    return found


def _arrange(part: ValuePart, whole: Any, found: Mapping[int, Tensor | None]) -> Any:
    """The gradients of a part in its form; what is not of floating-point numbers stays."""

    def replace(tensor: Tensor) -> Tensor:
        if id(tensor) not in found:
            return tensor.detach()
        gradient = found[id(tensor)]
        return torch.zeros_like(tensor) if gradient is None else gradient.detach()

    return part.find(map_tensors(replace, whole))


class _Carriers:
    """Sees the nodes that are given values with gradients; an observer of a run.

    Attributes:
        ends: the arguments of those whose outputs have none, by path.
        passed: the arguments of the others.
    """

    def __init__(self) -> None:
        self.ends: dict[str, Mapping[str, Any]] = {}
        self.passed: dict[str, Mapping[str, Any]] = {}
        self._arguments: Mapping[str, Any] = {}

    def before(self, _step: Step, arguments: Mapping[str, Any]) -> None:
        self._arguments = dict(arguments)

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        if carries_gradients(self._arguments):
            found = self.passed if carries_gradients(outputs) else self.ends
            found[step.node.path] = self._arguments
        self._arguments = {}


def _passes(
    part: RecordedPart, path: str, arguments: Mapping[str, Any], *, only_recorded: bool = False
) -> bool:
    """Whether outputs of a node have gradients with respect to what it is given.

    Args:
        part: the number and the values.
        path: the node's path.
        arguments: what it is given, by port.
        only_recorded: whether with respect to the tensors alone that carry gradients already.
    """
    node = part.dependencies.nodes[path]
    if node.draws_in(part.dependencies.mode):
        return False
    tensors = iterate_tensors(list(arguments.values()))
    wanted = {id(t) for t in tensors if t.requires_grad or not only_recorded}
    leaves: list[Tensor] = []

    def make_leaf(tensor: Tensor) -> Tensor:
        leaf = without_recording(tensor)
        if id(tensor) in wanted and tensor.is_floating_point():
            leaves.append(leaf.requires_grad_())
        return leaf

    with recording():
        function = UnrecordedModules(part.execution.callables)[node.module_path]
        found = function(**{port: map_tensors(make_leaf, v) for port, v in arguments.items()})
        total = sum(t.sum() for t in iterate_tensors(found) if t.requires_grad)
        if not isinstance(total, Tensor):
            return False
        gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    return any(gradient is not None for gradient in gradients)
