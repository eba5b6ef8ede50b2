"""Exports the model of a run: of its weights those that are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from typing_extensions import Unpack

from composer.documents import SettingsSource
from composer.graph import Graph, LoadArguments, Weights, require_weights
from composer.runs import find_weights, is_run


def export_model(
    source: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    half: bool = False,
    last: bool = False,
    averaged: bool = True,
) -> Graph:
    """Writes a model as one file of weights that describes itself.

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
    graph = open_for_export(source, last=last, averaged=averaged)
    require_weights(graph)
    graph.save(file, dtype=torch.float16 if half else None)
    return graph


def open_for_export(
    source: str | os.PathLike[str],
    weights: Weights | None = None,
    *,
    set: SettingsSource = (),
    seed: int = 0,
    last: bool = False,
    averaged: bool = True,
    **options: Unpack[LoadArguments],
) -> Graph:
    """Opens a model; some of its weights may be random.

    Args:
        source: the folder of a run, or another model as `Graph.open` takes it.
        weights: a checkpoint, or checkpoints by node, in place of the model's own.
        set: values by address.
        seed: the seed of weights that are allowed to be missing.
        last: of a run, open the last weights, not the best.
        averaged: of a run, open averaged weights if there are any.
        **options: of the load of weights.

    Raises:
        CheckpointError: the run has no weights yet, or a file cannot be read.
    """
    path = Path(source)
    is_chosen = is_run(path) and (last or not averaged)
    opened = find_weights(path, last=last, averaged=averaged) if is_chosen else source
    return Graph.open(opened, weights, set=set, seed=seed, **options)
