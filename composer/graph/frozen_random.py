"""Random weights that training would not change: frozen layers that no checkpoint has filled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from torch import nn

from composer.graph.weights import module_at
from composer.layers import FrozenBatchNorm2d
from composer.module_tree import own_modules, own_state

if TYPE_CHECKING:
    from composer.graph.built_graph import BuiltGraph

_LOGGER = logging.getLogger(__name__)


def find_frozen_random(graph: BuiltGraph) -> dict[str, int]:
    """The random nodes that have frozen layers: path -> the number of their frozen tensors.

    A frozen layer is one of parameters that are not trainable, or a frozen normalisation, whose
    statistics are those of no data then.
    """
    found = {path: _count_frozen(module_at(graph, path)) for path in graph.random_nodes}
    return {path: count for path, count in found.items() if count}


def _count_frozen(module: nn.Module) -> int:
    count = 0
    for _, inner in own_modules(module):
        if isinstance(inner, FrozenBatchNorm2d):
            count += len(inner.state_dict())
        count += sum(not one.requires_grad for one in inner.parameters(recurse=False))
    return count


class FrozenNote:
    """Logs once that frozen layers of a graph are random when it is put into training mode.

    Layers that were changed since they were built, by `load_state_dict` for instance, are not.

    Args:
        graph: the graph, just built.
    """

    def __init__(self, graph: BuiltGraph) -> None:
        self._built = {path: _mark(module_at(graph, path)) for path in find_frozen_random(graph)}

    def log(self, graph: BuiltGraph) -> None:
        """Logs the note if it applies and was not logged before."""
        built, self._built = self._built, {}
        frozen = [
            p for p in graph.random_nodes if p in built and _mark(graph.module(p)) == built[p]
        ]
        if frozen:
            _LOGGER.warning(
                "note: frozen layers have random weights, which training does not change: %s. Load "
                "weights, or set their norms and freezing (norm, freeze_at).",
                ", ".join(frozen),
            )


def _mark(module: nn.Module) -> tuple[tuple[int, int], ...]:
    """Where the tensors of a node are, and how often each was written to."""
    return tuple((one.data_ptr(), one._version) for one in own_state(module).values())
