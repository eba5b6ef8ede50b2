"""Shards the weights of a graph and its optimizer state over processes (FSDP2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import (
    MixedPrecisionPolicy,
    fully_shard,
    register_fsdp_forward_method,
)
from torch.distributed.tensor import DTensor

from composer.errors import TrainingError
from composer.graph import Graph, is_sharded, whole_on_first
from composer.training.process_group import ProcessGroup

OptimizerState = dict[str, dict[str, Tensor]]


def shard_weights(graph: Graph, processes: ProcessGroup) -> None:
    """Spreads weights, gradients and the optimizer's state over the processes, in place.

    Each node gathers its weights when it runs, and frees them again. A module that holds other
    nodes is sharded after those, so that it manages the rest only. What nodes are given is never
    cast: boxes, scores and anchors in fewer bits would be other ones.

    Args:
        graph: the graph, the same on every process; one node at a time is moved to the device.
        processes: the processes.

    Raises:
        TrainingError: a node has a name under which torch does not find its weights.
    """
    _require_names(graph)
    mesh = init_device_mesh(processes.device.type, (processes.size,))
    nodes = {called for called in graph.callables.values() if isinstance(called, nn.Module)}
    in_tree = [module for module in graph.modules() if module in nodes]
    for node in reversed(in_tree):  # what a module holds comes after it
        if any(True for _ in node.parameters()):
            _shard(node, mesh)
    _shard(graph, mesh)
    register_fsdp_forward_method(graph, "run")


def _shard(module: nn.Module, mesh: torch.distributed.device_mesh.DeviceMesh) -> None:
    fully_shard(
        module,
        mesh=mesh,
        reshard_after_forward=True,
        mp_policy=MixedPrecisionPolicy(cast_forward_inputs=False),
    )


def _require_names(graph: Graph) -> None:
    for name, parameter in graph.named_parameters():
        try:
            found = graph.get_parameter(name)
        except AttributeError:
            found = None
        if found is not parameter:
            raise TrainingError(
                f"the weights '{name}' cannot be spread over processes: a part of the name is an "
                "attribute that modules have for themselves; call the node otherwise"
            )


def whole(tensor: Tensor) -> Tensor:
    """A tensor whose parts are on several processes as one; any other as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def own_part(tensor: Tensor) -> Tensor:
    """What this process has of a tensor, in the same memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def gather_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer) -> OptimizerState:
    """The tensors of an optimizer by parameter and name.

    Args:
        model: the model. If it is sharded, all processes call this together, and all but the first
            get nothing.
        optimizer: its optimizer.
    """
    if not optimizer.state:  # torch would make a step without gradients, to have some
        return {}
    if is_sharded(model):
        state: Any = get_optimizer_state_dict(model, optimizer, options=whole_on_first())
        found = state.get("state", {})
    else:
        named = model.named_parameters()
        found = {name: optimizer.state[p] for name, p in named if p in optimizer.state}
    return {
        name: {key: value for key, value in kept.items() if isinstance(value, Tensor)}
        for name, kept in found.items()
    }


def scatter_optimizer(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Mapping[str, Tensor]],
) -> None:
    """Gives an optimizer its tensors; of a sharded model those of the first process.

    Args:
        model: the model; if it is sharded, all processes call this together.
        optimizer: its optimizer, whose settings stay as they are.
        state: the tensors by parameter and name; parameters without any have none afterwards.
    """
    names: dict[Any, str] = {weight: name for name, weight in model.named_parameters()}
    if state and is_sharded(model):
        groups = [
            {**group, "params": [names[parameter] for parameter in group["params"]]}
            for group in optimizer.param_groups
        ]
        given: Any = {"state": {n: dict(kept) for n, kept in state.items()}, "param_groups": groups}
        set_optimizer_state_dict(model, optimizer, given, options=whole_on_first(loads=True))
        _forget_others(optimizer, names, state)
        return
    order = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    kept = {i: dict(state[names[p]]) for i, p in enumerate(order) if names[p] in state}
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": kept, "param_groups": groups})


def _forget_others(
    optimizer: torch.optim.Optimizer, names: Mapping[Any, str], known: Collection[str]
) -> None:
    """Takes away what torch made up for parameters that had no state."""
    for parameter in [p for p in optimizer.state if names[p] not in known]:
        del optimizer.state[parameter]
