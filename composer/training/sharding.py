"""Models whose weights are spread over processes (FSDP2), and whole again."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from composer.graph import Graph
from composer.training.losses import LossModel
from composer.training.process_group import ProcessGroup


def shard_weights(model: LossModel, world: ProcessGroup) -> None:
    """Spreads weights, gradients and the optimizer's state over the processes, in place.

    Each node gathers its weights when it runs, and keeps them until its gradients are there:
    what nodes give each other are structures, from which the library cannot see that a backward
    pass begins.

    Args:
        model: the model, the same on every process.
        world: the processes.
    """
    mesh = init_device_mesh(world.device.type, (world.size,))
    nodes = [called for called in model.graph.callables.values() if isinstance(called, nn.Module)]
    for node in dict.fromkeys(nodes):
        if any(True for _ in node.parameters()):
            fully_shard(node, mesh=mesh, reshard_after_forward=False)
    fully_shard(model, mesh=mesh, reshard_after_forward=False)


def whole(tensor: Tensor) -> Tensor:
    """A tensor whose parts are on several processes as one; any other as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def own_part(tensor: Tensor) -> Tensor:
    """What this process has of a tensor, in the same memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def as_part(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor as the part of it that this process has of another of its shape."""
    if isinstance(like, DTensor) and tensor.shape == like.shape:
        return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)
    return tensor


@torch.no_grad()
def whole_graph(graph: Graph) -> Graph:
    """A copy of a graph that has its weights whole; a graph that has them whole as it is.

    All processes have to ask for it together.
    """
    if not _is_sharded(graph):
        return graph
    copy = Graph.from_blueprint(graph.blueprint, seed=graph.seed)
    copy.to(next(graph.parameters()).device)
    sources = _tensors(graph)
    for name, tensor in _tensors(copy).items():
        tensor.copy_(whole(sources[name]))
    copy.train(graph.training)
    return copy


@torch.no_grad()
def take_weights(graph: Graph, source: Graph) -> None:
    """Gives a graph the weights of a copy that `whole_graph` made of it."""
    if source is graph:
        return
    sources = _tensors(source)
    for name, tensor in _tensors(graph).items():
        tensor.copy_(as_part(sources[name], tensor))


def _is_sharded(graph: Graph) -> bool:
    return any(isinstance(parameter, DTensor) for parameter in graph.parameters())


def _tensors(graph: Graph) -> dict[str, Tensor]:
    """Weights and buffers by their names in the tree of modules."""
    return {**dict(graph.named_parameters()), **dict(graph.named_buffers())}
