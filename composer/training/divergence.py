"""The message about losses or gradients that are not finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from composer.graph import Graph, is_sharded
from composer.structures import iterate_tensors
from composer.training.batches import SeededBatch, name_images
from composer.training.seeding import seed_generators


def describe_divergence(
    graph: Graph,
    batches: Sequence[SeededBatch],
    losses: Mapping[str, float],
    *,
    iteration: int,
) -> str:
    """Describes losses, images, and the first node whose output is not finite.

    Args:
        graph: the graph, with the weights that it had.
        batches: the batches that it may come from, on the device of the graph.
        losses: the losses by name.
        iteration: the iteration, from 1.
    """
    listed = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
    return (
        f"iteration {iteration}: the losses are no longer finite: {listed}\n"
        f"  images: {', '.join(name_images(each.batch) for each in batches)}\n"
        f"  {_find_origin(graph, batches)}\n"
        "  A lower learning rate, a longer warm-up, clipped gradients or float32 may help."
    )


def _find_origin(graph: Graph, batches: Sequence[SeededBatch]) -> str:
    """Where values first are not finite: a weight, or the output of a node."""
    if is_sharded(graph):  # the other processes are not there to run it again
        return "the first node whose output is not finite is not searched in sharded weights"
    for name, parameter in graph.named_parameters():
        if not bool(parameter.isfinite().all()):
            return f"it began before: the weight '{name}' is not finite"
    for seeded in batches:
        if fault := _run_again(graph, seeded):
            return fault if len(batches) == 1 else f"{fault}, for {name_images(seeded.batch)}"
    return "every node's output is finite when it runs again in float32"


def _run_again(graph: Graph, seeded: SeededBatch) -> str:
    """What is wrong with the nodes' outputs when they draw the same again; "" if nothing is."""
    found: list[str] = []

    def look(path: str, outputs: Mapping[str, Any]) -> None:
        floats = [t for t in iterate_tensors(dict(outputs)) if t.is_floating_point()]
        if not found and not all(bool(tensor.isfinite().all()) for tensor in floats):
            found.append(path)

    seed_generators(seeded.seed)
    with torch.no_grad(), graph.add_hook(look, "after"):
        try:
            graph.run(seeded.batch, mode="training", seed=seeded.seed)
        except Exception as error:  # what is not finite can break any node
            return f"run again, {str(error).partition(chr(10))[0]}"
    return f"the first node whose output is not finite: '{found[0]}'" if found else ""
