"""What is told of a batch whose losses or gradients are not finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from composer.graph import Graph
from composer.structures import iterate_tensors
from composer.training.batches import Batch, name_images
from composer.training.seeding import seed_generators


def describe_divergence(
    graph: Graph, batch: Batch, losses: Mapping[str, float], *, iteration: int, seed: int
) -> str:
    """A message with the losses, the images, and the node where it began.

    Args:
        graph: the graph, with the weights that it had.
        batch: the batch.
        losses: the losses by name.
        iteration: the iteration, from 1.
        seed: the seed of the batch, which makes the nodes draw the same again.
    """
    listed = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
    return (
        f"iteration {iteration}: the losses are no longer finite: {listed}\n"
        f"  images: {name_images(batch)}\n"
        f"  {_find_origin(graph, batch, seed)}\n"
        "  A lower learning rate, a longer warm-up, clipped gradients or float32 may help."
    )


def _find_origin(graph: Graph, batch: Batch, seed: int) -> str:
    """Where values first are not finite: a weight, or the output of a node."""
    for name, parameter in graph.named_parameters():
        if not bool(parameter.isfinite().all()):
            return f"it began before: the weight '{name}' is not finite"
    found: list[str] = []

    def look(path: str, outputs: Mapping[str, Any]) -> None:
        floats = [t for t in iterate_tensors(dict(outputs)) if t.is_floating_point()]
        if not found and not all(bool(tensor.isfinite().all()) for tensor in floats):
            found.append(path)

    seed_generators(seed)
    with torch.no_grad(), graph.add_hook(look, "after"):
        try:
            graph.run(batch, mode="training", seed=seed)
        except Exception as error:  # what is not finite can break any node
            return f"run again, {str(error).partition(chr(10))[0]}"
    if found:
        return f"the first node whose output is not finite: '{found[0]}'"
    return "every node's output is finite when it runs again in float32"
