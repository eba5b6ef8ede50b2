"""Differences of the weights of two models, node by node; nothing is run."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from composer.comparison.pairing import Pairing
from composer.comparison.plain_numbers import plain_number

NodeTensors = Mapping[str, Mapping[str, Tensor]]
"""Node path -> name within the node -> tensor."""

_COUNTED = "num_batches_tracked"  # by batch norms; nothing reads it
_SHOWN = 3


@dataclass(frozen=True)
class TensorDifference:
    """The difference of one weight.

    Args:
        name: its name within the node.
        shape: its shape in the first model; None where only the second has it.
        other_shape: its shape in the second; None where only the first has it.
        norm: Euclidean norm of the difference; None where the shapes differ.
        own_norm: that of the first model's weight.
        largest: largest absolute difference.
        num_different: entries that differ.
    """

    name: str
    shape: tuple[int, ...] | None
    other_shape: tuple[int, ...] | None
    norm: float | None = None
    own_norm: float | None = None
    largest: float | None = None
    num_different: int = 0

    @property
    def relative(self) -> float | None:
        """The norm of the difference, relative to that of the weight."""
        if self.norm is None or self.own_norm is None:
            return None
        return self.norm / self.own_norm if self.own_norm else self.norm

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain values."""
        found = {**asdict(self), "relative": self.relative}
        return {key: plain_number(value) for key, value in found.items()}

    def __str__(self) -> str:
        if self.shape is None or self.other_shape is None:
            have = "second" if self.shape is None else "first"
            return f"{self.name} is in the {have} only"
        if self.norm is None:
            return f"{self.name} is {_show_shape(self.shape)} -> {_show_shape(self.other_shape)}"
        return f"{self.name} ({self.norm:.2e}, {self.relative:.1e} of it)"


@dataclass(frozen=True)
class WeightDifference:
    """The weights of one node that differ.

    Args:
        node: its path in the first model.
        tensors: the weights that differ.
        num_tensors: how many weights it has.
    """

    node: str
    tensors: tuple[TensorDifference, ...]
    num_tensors: int

    @property
    def norm(self) -> float:
        """Euclidean norm of the difference of all weights of one shape."""
        return math.hypot(*(each.norm or 0.0 for each in self.tensors))

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain values."""
        return {
            "node": self.node,
            "norm": plain_number(self.norm),
            "num_tensors": self.num_tensors,
            "tensors": [each.to_dict() for each in self.tensors],
        }

    @property
    def reason(self) -> str:
        """What is different, without the node."""
        for which, shapes in (
            ("first", [each.other_shape for each in self.tensors]),
            ("second", [each.shape for each in self.tensors]),
        ):
            if len(shapes) == self.num_tensors and not any(each is not None for each in shapes):
                return f"{self.num_tensors} of {self.num_tensors} weights: in the {which} only"
        ranked = sorted(self.tensors, key=_rank)
        more = f", {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else ""
        listed = ", ".join(map(str, ranked[:_SHOWN]))
        return f"{len(self.tensors)} of {self.num_tensors} weights: {listed}{more}"

    def __str__(self) -> str:
        return f"{self.node}  {self.reason}"


@dataclass(frozen=True)
class WeightComparison:
    """The weights of two models, compared.

    Args:
        nodes: the nodes whose weights differ.
        num_nodes: how many nodes were compared.
        num_tensors: how many weights were compared.
        random: nodes of either model with weights that no checkpoint filled.
    """

    nodes: tuple[WeightDifference, ...]
    num_nodes: int
    num_tensors: int
    random: tuple[str, ...] = ()

    def of(self, path: str) -> WeightDifference | None:
        """The difference of a node by its path in the first model; None if it has none."""
        return next((each for each in self.nodes if each.node == path), None)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "num_nodes": self.num_nodes,
            "num_tensors": self.num_tensors,
            "random": list(self.random),
            "nodes": [each.to_dict() for each in self.nodes],
        }


def _rank(difference: TensorDifference) -> float:
    """Other shapes first, then the largest relative difference."""
    return -math.inf if difference.relative is None else -difference.relative


def compare_weights(
    one: NodeTensors,
    other: NodeTensors,
    pairing: Pairing,
    *,
    tolerance: float = 0.0,
    scope: Collection[str] | None = None,
    random: Collection[str] = (),
) -> WeightComparison:
    """Compares the weights of nodes that two models have in common.

    Args:
        one: the weights of the first model.
        other: those of the second.
        pairing: their nodes.
        tolerance: how large the norm of a difference may be, relative to that of the weight.
        scope: paths in the first model that count; all if None.
        random: nodes with weights that no checkpoint filled, for the result.
    """
    found: list[WeightDifference] = []
    num_nodes = num_tensors = 0
    for path, theirs in pairing.nodes.items():
        ours, others = one.get(path, {}), other.get(theirs, {})
        if (scope is not None and path not in scope) or not (ours or others):
            continue
        differences = list(_compare_node(ours, others, tolerance))
        num_nodes += 1
        count = len({*ours, *others})
        num_tensors += count
        if differences:
            found.append(WeightDifference(path, tuple(differences), count))
    return WeightComparison(tuple(found), num_nodes, num_tensors, tuple(random))


def _compare_node(
    ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float
) -> Iterator[TensorDifference]:
    for name in dict.fromkeys([*ours, *theirs]):
        if name.rpartition(".")[2] == _COUNTED:
            continue
        a, b = ours.get(name), theirs.get(name)
        difference = _compare_tensors(name, a, b)
        relative = difference.relative
        if relative is None or (difference.num_different and not relative <= tolerance):
            yield difference


def _compare_tensors(name: str, one: Tensor | None, other: Tensor | None) -> TensorDifference:
    shape = None if one is None else tuple(one.shape)
    other_shape = None if other is None else tuple(other.shape)
    if one is None or other is None or shape != other_shape:
        return TensorDifference(name, shape, other_shape)
    a, b = _numbers(one), _numbers(other)
    is_same = (a == b) | (a.isnan() & b.isnan())
    apart = torch.where(is_same, 0.0, a - b).nan_to_num(
        nan=math.inf, posinf=math.inf, neginf=math.inf
    )
    return TensorDifference(
        name,
        shape,
        other_shape,
        norm=float(apart.norm()),
        own_norm=float(a.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).norm()),
        largest=float(apart.abs().max()) if apart.numel() else 0.0,
        num_different=int((~is_same).sum()),
    )


def _numbers(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().double()


def _show_shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
