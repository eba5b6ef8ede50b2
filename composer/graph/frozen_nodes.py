"""The nodes of training that compute the same for the same batch, however long training lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from composer.blueprint import Blueprint, Node, Slot
from composer.executor import is_random
from composer.language import Mode
from composer.module_tree import own_modules

_MODE: Mode = "training"


@dataclass(frozen=True)
class FrozenNodes:
    """The nodes that are frozen, and depend on nothing but such nodes and the batch.

    Args:
        paths: the nodes, in the order in which they run.
        frontier: the slots of these that other nodes or the outputs take; none where no frozen node
            has weights, as nothing is saved then.
        reasons: of the nodes where they end, why each is none of them, by path.
    """

    paths: tuple[str, ...] = ()
    frontier: frozenset[Slot] = frozenset()
    reasons: Mapping[str, str] = field(default_factory=dict)


def find_frozen_nodes(
    blueprint: Blueprint,
    callables: Mapping[str, Callable[..., Any]],
    moving: Mapping[str, str] = MappingProxyType({}),
) -> FrozenNodes:
    """The frozen nodes of a graph that is in training mode.

    What a node does that its modules do not show (random numbers of the global generators, scalars
    that it records) is seen when it runs: see `KeptTraining`.

    Args:
        blueprint: the checked spec.
        callables: what each node calls, by path of the module, in training mode.
        moving: nodes that are none for another reason, which each has.
    """
    plan = blueprint.plan(_MODE)
    frozen: dict[str, None] = {}
    reasons: dict[str, str] = {}
    frontier: dict[Slot, None] = {}
    inputs = blueprint.inputs[_MODE]
    for step in plan.steps:
        slots = [slot for end in step.arguments.values() for slot in end.slots]
        depends = all(slot.path in frozen or slot.path in inputs for slot in slots)
        reason = moving.get(step.node.path) or _find_reason(
            step.node, callables.get(step.node.module_path)
        )
        if depends and not reason:
            frozen[step.node.path] = None
            continue
        if depends:
            reasons[step.node.path] = reason
        frontier |= dict.fromkeys(slots)
    frontier |= {slot: None for target in plan.targets for slot in target.endpoint.slots}
    owners = [blueprint.nodes[path].module_path for path in frozen]
    has_weights = any(_has_parameters(callables.get(path)) for path in owners)
    kept = frozenset(slot for slot in frontier if slot.path in frozen and has_weights)
    return FrozenNodes(tuple(frozen), kept, reasons)


def _has_parameters(function: Any) -> bool:
    if not isinstance(function, nn.Module):
        return False
    return any(inner._parameters for _, inner in own_modules(function))


def _find_reason(node: Node, function: Any) -> str:
    """Why a node may compute something else for the same inputs; empty if it does not."""
    if is_random(node, function, _MODE):
        return "draws"
    if node.publication is None:
        return "no plugin publishes its type"
    if not isinstance(function, nn.Module):
        return ""
    for _, inner in own_modules(function):
        if any(parameter.requires_grad for parameter in inner.parameters(recurse=False)):
            return "is trained"
        if isinstance(inner, _NormBase) and inner.training and inner.track_running_stats:
            return "updates statistics of its batch normalisation"
        if isinstance(inner, _DropoutNd) and inner.training and inner.p > 0:
            return "has dropout"
    return ""


def describe_frozen(found: FrozenNodes) -> str:
    """The frozen nodes, and where they end, in one line."""
    ends = ", ".join(f"{path} {reason}" for path, reason in list(found.reasons.items())[:3])
    more = ", ..." if len(found.reasons) > 3 else ""
    if not found.frontier:
        return f"no frozen node comes before what is trained or random: {ends}{more}"
    several = len(found.paths) > 1
    nodes = f"{len(found.paths)} frozen nodes run" if several else "1 frozen node runs"
    return f"{nodes} once for each batch; from there on: {ends}{more}"


def list_states(module: nn.Module) -> Iterator[bool]:
    """What decides which nodes are frozen: modes of modules, and what is trainable."""
    for inner in module.modules():
        yield inner.training
        for parameter in inner.parameters(recurse=False):
            yield parameter.requires_grad
