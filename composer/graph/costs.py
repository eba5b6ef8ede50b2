"""Parameters and floating-point operations of every node of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from composer.blueprint import Step
from composer.graph.modules import CallableTable
from composer.module_tree import own_modules

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class NodeCosts:
    """The costs of one node.

    Args:
        path: its path.
        uses: its node type.
        parameters: number of its parameters; zero where another node has counted them.
        trainable: number of those that require a gradient.
        flops: floating-point operations of this run. A multiplication with an addition is one, as
            in fvcore and detectron2's published counts.
    """

    path: str
    uses: str
    parameters: int
    trainable: int
    flops: int


@dataclass(frozen=True)
class Costs:
    """The costs of a run, by node.

    Counted are convolutions, also deformable ones, products of matrices and attention. Operations
    that cost little or have no fixed count (normalization, activations, pooling of regions,
    non-maximum suppression) are left out, as fvcore leaves them out.

    Args:
        nodes: the costs of each node, in the order in which they ran.
        result: the result of the run.
    """

    nodes: Sequence[NodeCosts]
    result: Any

    @property
    def parameters(self) -> int:
        """Number of parameters of all nodes."""
        return sum(node.parameters for node in self.nodes)

    @property
    def trainable(self) -> int:
        """Number of parameters that require a gradient."""
        return sum(node.trainable for node in self.nodes)

    @property
    def flops(self) -> int:
        """Floating-point operations of all nodes."""
        return sum(node.flops for node in self.nodes)

    def __str__(self) -> str:
        total = NodeCosts("total", "", self.parameters, self.trainable, self.flops)
        rows = [("node", "parameters", "trainable", "GFLOPs")]
        rows += [_row(node) for node in [*self.nodes, total]]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        )


def _row(node: NodeCosts) -> tuple[str, str, str, str]:
    flops = f"{node.flops / 1e9:.3f}" if node.flops else "-"
    return node.path, f"{node.parameters:,}", f"{node.trainable:,}", flops


class CostCounter:
    """An observer that counts the operations and parameters of every node."""

    def __init__(self, callables: CallableTable, counter: FlopCounterMode) -> None:
        self.nodes: list[NodeCosts] = []
        self._callables, self._counter = callables, counter
        self._counted: set[int] = set()
        self._before = 0

    def before(self, step: Step, arguments: Mapping[str, Any]) -> None:
        """Notes how many operations there were."""
        del step, arguments
        self._before = self._counter.get_total_flops()

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """Adds the node's costs."""
        del outputs
        flops = (self._counter.get_total_flops() - self._before) // 2  # torch counts both halves
        numbers = self._count_parameters(step.node.module_path)
        self.nodes.append(NodeCosts(step.node.path, step.node.type_name, *numbers, flops))

    def _count_parameters(self, path: str) -> tuple[int, int]:
        called = self._callables[path]
        if not isinstance(called, nn.Module):
            return 0, 0
        found = [p for _, inner in own_modules(called) for p in inner.parameters(recurse=False)]
        new = [p for p in found if id(p) not in self._counted]
        self._counted.update(map(id, new))
        return sum(p.numel() for p in new), sum(p.numel() for p in new if p.requires_grad)


@contextmanager
def counting(callables: CallableTable) -> Iterator[CostCounter]:
    """Yields an observer that counts operations and parameters of every node of a run."""
    import torchvision  # noqa: F401 - defines the operator torchvision::deform_conv2d
    from torch.utils.flop_counter import FlopCounterMode  # imports triton

    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    mapping = {
        torch.ops.torchvision.deform_conv2d: _count_deformable,
        attention: _count_attention,  # of which torch counts other devices' only
    }
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        yield CostCounter(callables, counter)


def _count_attention(
    query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any
) -> int:
    """Operations of attention: of all products with keys, and of the sums of values."""
    *batch, num_queries, channels = query
    return 2 * prod(batch) * num_queries * key[-2] * (channels + value[-1])


def _count_deformable(
    _input: Sequence[int], weight: Sequence[int], *_: Any, out_shape: Sequence[int], **__: Any
) -> int:
    """Operations of a deformable convolution: those of a plain one with the same weight."""
    num_images, _channels, height, width = out_shape
    return 2 * prod(weight) * num_images * height * width
