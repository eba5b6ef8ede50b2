"""Exports the model of a run as one file."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from composer.graph import Graph, require_weights
from composer.runs import find_weights, is_run


def export_model(
    source: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    half: bool = False,
    last: bool = False,
    averaged: bool = True,
) -> Graph:
    """Writes a model as one self-describing file.

    Args:
        source: the folder of a run, or another model as `Graph.open` takes it.
        file: the `.safetensors` or `.pth` file.
        half: store weights in 16 bits.
        last: of a run, export the last weights, not the best.
        averaged: of a run, export averaged weights if there are any.

    Returns:
        The model.

    Raises:
        CheckpointError: the run has no weights yet, or a file cannot be read or written.
        InputError: the model has no weights.
    """
    path = Path(source)
    is_chosen = is_run(path) and (last or not averaged)
    graph = Graph.open(find_weights(path, last=last, averaged=averaged) if is_chosen else source)
    require_weights(graph)
    graph.save(file, dtype=torch.float16 if half else None)
    return graph
