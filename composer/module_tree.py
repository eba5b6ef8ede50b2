"""The tree of modules behind a graph: one place for each node, under its checkpoint namespace.

A namespace can be the prefix of others (`backbone` of a pyramid, `backbone.bottom_up` of the
network below it). Then the module of the shorter one holds the others as children, as if it had
registered them itself: what is registered in the tree is what a node calls.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

HELD = "_held_nodes"  # attribute of a module: relative names of the nodes that it holds
_REGISTERED = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")


class NodeGroup(nn.Module):
    """Holds the nodes of a nested graph."""

    def forward(self, *_: Any) -> Any:
        """Refuses: a nested graph is run by the graph around it."""
        raise TypeError("a nested graph is run through its graph: graph.run(..., until=...)")


class Clash(NamedTuple):
    """Two nodes that cannot both be in the tree.

    Args:
        owner: path of the node that has the place.
        path: path of the other node.
        message: what is wrong.
    """

    owner: str
    path: str
    message: str


def name_modules(
    modules: Mapping[str, nn.Module], namespaces: Mapping[str, str]
) -> tuple[dict[str, str], list[Clash]]:
    """The name of each node's module in the tree: its namespace.

    A module that keeps nothing in a state dict is named after its node's path where that is free.

    Args:
        modules: the modules by node path.
        namespaces: the nodes' checkpoint prefixes by path, without the final dot.

    Returns:
        The dotted names by path, the empty name for the root, and the nodes that find no place.
    """
    stateful = {path for path, module in modules.items() if own_state(module)}
    order = sorted(modules, key=lambda path: (path not in stateful, namespaces[path].count(".")))
    owners: dict[str, str] = {}
    below: dict[str, list[str]] = {}
    clashes: list[Clash] = []
    for path in order:
        found: list[Clash] = []
        for name in [namespaces[path]] if path in stateful else [path, namespaces[path]]:
            clash = _find_clash(name, path, owners, below, modules)
            if clash is None:
                owners[name] = path
                _note_below(name, below)
                break
            found.append(clash)
        else:
            clashes.append(found[-1])
    named = {path: name for name, path in owners.items()}
    return {path: named[path] for path in modules if path in named}, clashes


def _find_clash(
    name: str,
    path: str,
    owners: Mapping[str, str],
    below: Mapping[str, Sequence[str]],
    modules: Mapping[str, nn.Module],
) -> Clash | None:
    """Why a node cannot be put under a name beside the nodes that have one."""
    if name in owners:
        message = f"nodes '{owners[name]}' and '{path}' both keep weights under '{name}'"
        return Clash(owners[name], path, message)
    for other in _prefixes(name):
        owner = owners.get(other)
        if owner is not None and (message := _refuse(path, name, owner, other, modules[owner])):
            return Clash(owner, path, message)
    for other in below.get(name, ()):
        if message := _refuse(owners[other], other, path, name, modules[path]):
            return Clash(owners[other], path, message)
    return None


def _refuse(path: str, name: str, holder_path: str, prefix: str, holder: nn.Module) -> str:
    """Why a module cannot hold a node; empty if it can."""
    if isinstance(holder, nn.Sequential):
        return f"node '{path}' cannot be kept inside node '{holder_path}', which runs all in it"
    if relative_name(name, prefix).partition(".")[0] in _own_names(holder):
        return f"node '{path}' keeps weights under '{name}', a part of node '{holder_path}'"
    return ""


def _own_names(module: nn.Module) -> set[str]:
    names = {*module._modules, *module._parameters, *module._buffers, *module.__dict__}
    return names - {name.partition(".")[0] for name in _held_by(module)}


def plant_modules(
    root: nn.Module, names: Mapping[str, str], modules: Mapping[str, nn.Module]
) -> nn.Module | None:
    """Registers modules in a tree.

    Args:
        root: the root, which has nothing registered yet.
        names: their names in the tree by node path.
        modules: the modules by node path. One that holds nodes which are not among them is
            registered as a shallow copy without those nodes.

    Returns:
        The module that the root stands for, whose name is empty: what is registered in one is
        registered in the other. None if there is no such module.
    """
    shared: nn.Module | None = None
    below: dict[str, list[str]] = {}
    for name in names.values():
        _note_below(name, below)
    for path, name in sorted(names.items(), key=lambda item: (item[1] != "", item[1].count("."))):
        held = frozenset(relative_name(other, name) for other in below.get(name, ()))
        module = _holding(modules[path], held)
        if name:
            _register(root, name, module)
            continue
        shared = module
        _share(module, root)
    return shared


def share_registered(module: nn.Module) -> nn.Module:
    """A plain module with all that is registered in another one, now and later."""
    made = nn.Module()
    _share(module, made)
    return made


def _share(module: nn.Module, other: nn.Module) -> None:
    """What is registered in one of two modules is registered in the other from now on."""
    other.__dict__.update({kind: module.__dict__[kind] for kind in _REGISTERED})


def _register(root: nn.Module, name: str, module: nn.Module) -> None:
    """Registers a module under its dotted name, making groups on the way.

    Not with `add_module`, which refuses names that modules have for themselves (`load`, `type`,
    `forward`): a node is found by its name in the tree, not as an attribute.
    """
    *groups, last = name.split(".")
    here = root
    for group in groups:
        inner = here._modules.get(group)
        if inner is None:
            inner = _find_wrapped(here, group, root)
        if inner is None:
            inner = here._modules[group] = NodeGroup()
        here = inner
    if _find_wrapped(here, last, root) is not module:
        here._modules[last] = module


def find_module(root: nn.Module, names: Iterable[str]) -> nn.Module:
    """The module that the tree holds now under some name after another.

    Raises:
        KeyError: there is none.
    """
    here = root
    for name in names:
        inner = here._modules.get(name)
        if inner is None:
            inner = _find_wrapped(here, name, root)
        if inner is None:
            raise KeyError(name)
        here = inner
    return here


def _find_wrapped(module: nn.Module, name: str, root: nn.Module) -> nn.Module | None:
    """A child by name where a wrapper was put around the module that holds it."""
    if module is root or isinstance(module, NodeGroup):
        return None
    for inner in module.modules():
        if any(held.partition(".")[0] == name for held in _held_by(inner)):
            return inner._modules.get(name)
    return None


def own_modules(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules of a node by name, like `named_modules`, without nodes that it holds."""
    yield from _walk(module, "", set())


def _walk(module: nn.Module, name: str, seen: set[int]) -> Iterator[tuple[str, nn.Module]]:
    if id(module) in seen:
        return
    seen.add(id(module))
    yield name, module
    held = {relative.partition(".")[0] for relative in _held_by(module)}
    for key, child in module._modules.items():
        if child is not None and key not in held:
            yield from _walk(child, f"{name}.{key}" if name else key, seen)


def own_state(module: nn.Module) -> dict[str, Any]:
    """The state dict of a node without what belongs to nodes that it holds."""
    state = module.state_dict()
    prefixes = tuple(
        f"{name}.{held}." if name else f"{held}."
        for name, inner in module.named_modules()
        if HELD in inner.__dict__
        for held in _held_by(inner)
    )
    return {k: v for k, v in state.items() if not k.startswith(prefixes)} if prefixes else state


def _held_by(module: nn.Module) -> frozenset[str]:
    held: frozenset[str] = module.__dict__.get(HELD, frozenset())
    return held


def _holding(module: nn.Module, below: frozenset[str]) -> nn.Module:
    """A module that holds just these nodes: itself, or a copy that shares all else with it."""
    held = _held_by(module)
    if held and held != below:
        whole, first = module, {name.partition(".")[0] for name in held}
        module = object.__new__(type(whole))
        module.__dict__.update(whole.__dict__)
        module.__dict__["_modules"] = {n: m for n, m in whole._modules.items() if n not in first}
    if held != below:
        module.__dict__[HELD] = below
    return module


def _prefixes(name: str) -> Iterator[str]:
    """The dotted names that one lies below: `a.b`, `a` and the empty one of `a.b.c`."""
    while name:
        name = name.rpartition(".")[0]
        yield name


def _note_below(name: str, below: dict[str, list[str]]) -> None:
    """Adds a name to the lists of those that it lies below."""
    for prefix in _prefixes(name):
        below.setdefault(prefix, []).append(name)


def relative_name(name: str, other: str) -> str:
    """A dotted name without that of what it lies below."""
    return name.removeprefix(f"{other}.") if other else name


def copy_without_held(
    module: nn.Module, substitute: Callable[[Tensor], Tensor] | None = None
) -> nn.Module:
    """A copy of a node's module with the same tensors and without the nodes that it holds.

    Args:
        module: the module.
        substitute: makes the tensors of the copy out of those of the module.
    """
    memo: dict[int, Any] = {}
    for inner in module.modules():
        for name in {held.partition(".")[0] for held in _held_by(inner)}:
            if (held := inner._modules.get(name)) is not None:
                memo[id(held)] = NodeGroup()
    for _, inner in own_modules(module):
        tensors = (*inner._parameters.values(), *inner._buffers.values())
        given = [tensor for tensor in tensors if tensor is not None]
        memo |= {id(t): t if substitute is None else substitute(t) for t in given}
    return copy.deepcopy(module, memo)
