"""The losses of a batch: found among the outputs of a graph, weighted, summed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from composer.errors import InputError
from composer.graph import Graph, KeptTraining
from composer.value_cache import CacheFolder

TOTAL_LOSS = "total_loss"


class LossModel(nn.Module):
    """A graph as a module from a batch to its losses, whatever its own mode.

    It is what gets wrapped for several processes, since such wrappers watch `forward`.

    Args:
        graph: the graph.
        cache: a folder in which values of frozen nodes are kept; see `KeptTraining`.
    """

    def __init__(self, graph: Graph, cache: CacheFolder | None = None) -> None:
        super().__init__()
        self.graph = graph
        self.kept = None if cache is None else KeptTraining(graph, cache)

    def forward(self, inputs: Any, seed: int) -> dict[str, Tensor]:
        """The losses by name.

        Args:
            inputs: the graph's input.
            seed: the seed of stochastic nodes.
        """
        if self.kept is not None:
            return find_losses(self.kept.run(inputs, seed))
        return find_losses(self.graph.run(inputs, mode="training", seed=seed))


def find_losses(outputs: Any) -> dict[str, Tensor]:
    """The losses by name among the outputs of a graph in training mode.

    Args:
        outputs: a dict of losses, or of outputs of which some are losses or dicts of them.

    Raises:
        InputError: there is none, or two outputs give one of the same name.
    """
    found: dict[str, Tensor] = {}
    owners: dict[str, str] = {}
    for output, value in outputs.items() if isinstance(outputs, Mapping) else ():
        given = value if isinstance(value, Mapping) else {str(output): value}
        for name, loss in given.items():
            if not _is_loss(loss):
                continue
            if name in found:
                raise InputError(
                    f"the outputs '{owners[name]}' and '{output}' both have a loss '{name}': "
                    "losses need different names"
                )
            found[name], owners[name] = loss, output
    if not found:
        raise InputError(
            "the graph has no losses in training mode: its spec needs an output below "
            "'training' that is wired to nodes of losses"
        )
    return found


def _is_loss(value: object) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1 and value.is_floating_point()


def sum_losses(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of losses, a scalar in 32 bits.

    Args:
        losses: the losses by name.
        weights: factors by name; 1 for all others.

    Raises:
        InputError: a weight is given for a loss that does not exist.
    """
    if unknown := weights.keys() - losses.keys():
        raise InputError(
            f"there is no loss '{min(unknown)}' to be weighted; there are {', '.join(losses)}"
        )
    weighted = [loss.float().reshape(()) * weights.get(name, 1.0) for name, loss in losses.items()]
    return torch.stack(weighted).sum()
