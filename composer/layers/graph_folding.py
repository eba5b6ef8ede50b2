"""Folding in modules that torch.fx traced: their graphs show who gets a convolution's output."""

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from composer.layers.fused_conv import (
    Activation,
    find_attribute,
    fuse_conv,
    is_foldable,
    is_fusible,
)

_ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
_ACTIVATIONS: dict[Any, Activation] = {
    F.relu: F.relu,
    torch.relu: F.relu,
    F.relu6: F.relu6,
    F.silu: F.silu,
    F.hardswish: F.hardswish,
    "relu": F.relu,
    "relu_": F.relu,
}


def fold_graph(module: fx.GraphModule) -> None:
    """Folds what follows each convolution of a traced module, in place.

    Where its output goes to one normalisation only, that is multiplied into its weights; an
    addition and an activation after it are done with it. Graphs of other modes are dropped.

    Args:
        module: a traced module in inference mode; nothing outside has parts of it.
    """
    called = _count_calls(module)
    for node in list(module.graph.nodes):
        if node.op == "call_module" and called[node.target] == 1:
            conv = module.get_submodule(node.target)
            if is_fusible(conv):
                _fuse(module, node, conv, called)
    module.delete_all_unused_submodules()
    module.graph.lint()
    module.recompile()


def _count_calls(module: fx.GraphModule) -> dict[str, int]:
    called: dict[str, int] = {}
    for node in module.graph.nodes:
        if node.op == "call_module":
            called[node.target] = called.get(node.target, 0) + 1
    return called


def _fuse(module: fx.GraphModule, node: fx.Node, conv: nn.Conv2d, called: dict[str, int]) -> None:
    last, norm = node, None
    follower = _only_user(last)
    if follower is not None and follower.op == "call_module" and called[str(follower.target)] == 1:
        found = module.get_submodule(str(follower.target))
        if is_foldable(found):
            last, norm = follower, found
            follower = _only_user(last)
    addend, added = _find_addend(last, follower)
    if added is not None:
        last, follower = added, _only_user(added)
    activation = None
    if follower is not None:
        activation = _find_activation(module, follower)
        last = follower if activation is not None else last
    _set_module(module, str(node.target), fuse_conv(conv, norm, activation))
    if last is node:
        return
    arguments = node.args if addend is None else (*node.args, addend)
    with module.graph.inserting_before(last):
        fused = module.graph.call_module(str(node.target), arguments, dict(node.kwargs))
    fused.meta = dict(last.meta)
    last.replace_all_uses_with(fused)
    for dead in _between(node, last):
        module.graph.erase_node(dead)


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _find_addend(last: fx.Node, follower: fx.Node | None) -> tuple[fx.Node | None, fx.Node | None]:
    """The map that is added to an output, of the same size as far as can be seen, and the sum."""
    if follower is None or follower.op == "call_module" or follower.target not in _ADDITIONS:
        return None, None
    if len(follower.args) != 2 or follower.kwargs:
        return None, None
    others = [each for each in follower.args if each is not last]
    if len(others) != 1 or not isinstance(others[0], fx.Node) or not _is_map(others[0]):
        return None, None
    return others[0], follower


def _is_map(node: fx.Node) -> bool:
    """Whether it is the output of a module or a sum, as in a residual block."""
    return node.op == "call_module" or node.target in _ADDITIONS or node.target in _ACTIVATIONS


def _find_activation(module: fx.GraphModule, node: fx.Node) -> Activation | None:
    if node.op == "call_module":
        found = module.get_submodule(str(node.target))
        return found if find_attribute(found)[0] != "none" else None
    return _ACTIVATIONS.get(node.target) if len(node.args) == 1 else None


def _between(first: fx.Node, last: fx.Node) -> list[fx.Node]:
    """The nodes from the last back to the first, each of which has the next as its only user."""
    chain = [first]
    while chain[-1] is not last:
        (user,) = chain[-1].users
        chain.append(user)
    return chain[::-1]


def _set_module(root: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    root.get_submodule(parent)._modules[last] = module
