"""Puts together what learns: the graph, its optimizer, and the processes around it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from composer.graph import Graph
from composer.training.losses import LossModel
from composer.training.optimizers import make_optimizer
from composer.training.parameter_groups import group_parameters
from composer.training.precision import MixedPrecision
from composer.training.process_group import ProcessGroup
from composer.training.settings import TrainingSettings
from composer.training.sharding import shard_weights
from composer.training.step import Learner


def make_learner(graph: Graph, settings: TrainingSettings, world: ProcessGroup) -> Learner:
    """A graph ready to learn.

    Args:
        graph: the graph; it is moved to the device.
        settings: how it learns.
        world: the processes that learn together.

    Raises:
        NameResolutionError: a parameter group names nothing, or nothing is learnt.
    """
    if settings.channels_last:
        graph.to(memory_format=torch.channels_last)
    model = _distribute(graph, settings, world)
    optimizer = make_optimizer(
        settings.optimizer.uses,
        group_parameters(graph, settings.optimizer),
        settings.optimizer.with_,
    )
    return Learner(
        graph=graph,
        model=model,
        optimizer=optimizer,
        precision=MixedPrecision(settings.precision, world.device),
        settings=settings,
        world=world,
    )


def _distribute(graph: Graph, settings: TrainingSettings, world: ProcessGroup) -> nn.Module:
    """The graph on its device, as a model of which all processes learn the same weights."""
    if world.size > 1 and settings.distributed == "fsdp":
        shard_weights(graph, world)  # before it is moved, since it may be too large for a device
    model = LossModel(graph.to(world.device))
    if world.size == 1 or settings.distributed == "fsdp":
        return model
    return DistributedDataParallel(model, find_unused_parameters=settings.find_unused_parameters)
