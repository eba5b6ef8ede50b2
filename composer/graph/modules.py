"""Finds in the tree of modules behind a graph what a node calls, and where that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from composer.blueprint import Blueprint
from composer.documents import Place, Problem
from composer.errors import InputError, NameResolutionError, SpecError
from composer.escapes import escape_name
from composer.executor import Placement
from composer.module_tree import (
    find_module,
    name_modules,
    own_modules,
    plant_modules,
    share_registered,
)
from composer.structures import iterate_tensors


class CallableTable(Mapping[str, Callable[..., Any]]):
    """What to call by node path: always the module that the tree holds now, or a function.

    Args:
        root: the root of the tree, in which the modules are registered under their namespaces.
        built: modules and functions by node path.
        namespaces: checkpoint prefixes of the nodes by path.
        placed: the nodes that were placed by themselves, by path: which module they call, and
            its device in the spec.

    Raises:
        SpecError: if there is no place in the tree for a module beside the others.
    """

    def __init__(
        self,
        root: nn.Module,
        built: Mapping[str, Callable[..., Any]],
        namespaces: Mapping[str, str],
        placed: Mapping[str, tuple[str, str]],
    ) -> None:
        modules = {path: made for path, made in built.items() if isinstance(made, nn.Module)}
        names, clashes = name_modules(modules, namespaces)
        if clashes:
            problems = [Problem(Place("spec", pointer=c.path), c.message) for c in clashes]
            raise SpecError(problems)
        self._at_root = plant_modules(root, names, modules)
        self._root = share_registered(root)  # not the root: a graph goes with its last reference
        self._functions = {path: made for path, made in built.items() if path not in modules}
        self._placed = {p: (module, torch.device(name)) for p, (module, name) in placed.items()}
        self._routes = {path: tuple(name.split(".")) for path, name in names.items()}
        self._routes |= {path: () for path, name in names.items() if not name}

    def __getitem__(self, path: str) -> Callable[..., Any]:
        function = self._functions.get(path)
        if function is not None:
            return function
        route = self._routes[path]
        if not route and self._at_root is not None:
            return self._at_root
        try:
            return find_module(self._root, route)
        except KeyError as error:
            raise NameResolutionError(
                f"node '{path}' is gone from the tree of modules: there is no '{error.args[0]}'. "
                "Wrap or replace the modules of nodes, not a group of nodes."
            ) from error

    @property
    def is_training(self) -> bool:
        """Whether a module of the graph is in training mode."""
        at_root = () if self._at_root is None else (self._at_root,)
        return any(module.training for module in (*at_root, *self._root.children()))

    def train(self, mode: bool) -> None:
        """Hands the mode to the module that is not in the tree, for the root stands for it."""
        if self._at_root is not None:
            self._at_root.train(mode)

    def module(self, path: str) -> nn.Module:
        """The module of a node that has one."""
        found = self[path]
        assert isinstance(found, nn.Module)
        return found

    def placement(self, values: Mapping[Any, Any]) -> Placement:
        """Where the nodes are now: those with a device of their own, and all others.

        The others are where their parameters are, else their buffers, else the values that are
        given.

        Args:
            values: what a run is given.
        """
        nodes = {path: self._device_of(*placed) for path, placed in self._placed.items()}
        paths = [path for path in nodes if path in self._routes]
        apart = {id(inner) for path in paths for _, inner in own_modules(self.module(path))}
        tensor = self._first_tensor(apart)
        if tensor is None:
            found = (tensor for value in values.values() for tensor in iterate_tensors(value))
            tensor = next(found, None)
        return Placement(nodes=nodes) if tensor is None else Placement(tensor.device, nodes)

    def _first_tensor(self, apart: Set[int]) -> Tensor | None:
        """The first parameter, else the first buffer, of modules that are not set apart."""
        for kind in (nn.Module.parameters, nn.Module.buffers):
            for module in self._root.modules():
                if not apart or id(module) not in apart:
                    for tensor in kind(module, recurse=False):
                        return tensor
        return None

    def _device_of(self, path: str, device: torch.device) -> torch.device:
        """The device of a node's weights, which may have been moved; else that of the spec."""
        if path not in self._routes:
            return device
        for _, module in own_modules(self.module(path)):
            for tensor in chain(module.parameters(recurse=False), module.buffers(recurse=False)):
                return tensor.device
        return device

    def __iter__(self) -> Iterator[str]:
        yield from self._routes
        yield from self._functions

    def __len__(self) -> int:
        return len(self._routes) + len(self._functions)


class VariedTable(Mapping[str, Callable[..., Any]]):
    """What to call by node path: modules of a graph, and others in place of some of them.

    Args:
        table: those of the graph.
        own: the others.
    """

    def __init__(self, table: CallableTable, own: Mapping[str, Callable[..., Any]]) -> None:
        self._table, self._own = table, own

    @property
    def is_training(self) -> bool:
        """Whether the graph is in training mode."""
        return self._table.is_training

    def placement(self, values: Mapping[Any, Any]) -> Placement:
        """Where the nodes are: see `CallableTable.placement`."""
        return self._table.placement(values)

    def __getitem__(self, path: str) -> Callable[..., Any]:
        found = self._own.get(path)
        return self._table[path] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._own, *self._table]))

    def __len__(self) -> int:
        return len({*self._own, *self._table})


def make_table(
    root: nn.Module, blueprint: Blueprint, built: Mapping[str, Callable[..., Any]]
) -> CallableTable:
    """The table of a graph whose nodes are those of a blueprint; see `CallableTable`."""
    nodes = blueprint.nodes.items()
    placed = {p: (n.module_path, n.device) for p, n in nodes if n.device is not None}
    return CallableTable(root, built, {path: node.namespace for path, node in nodes}, placed)


def require_module(
    blueprint: Blueprint, callables: Mapping[str, Callable[..., Any]], path: str
) -> nn.Module:
    """The module that a node calls.

    Args:
        blueprint: the nodes.
        callables: modules and functions by node path.
        path: the full path of a node or nested graph.

    Raises:
        NameResolutionError: it has no module.
    """
    node = blueprint.nodes.get(path)
    if node is None:
        below = ", ".join(each for each in blueprint.nodes if each.startswith(f"{path}."))
        raise NameResolutionError(f"'{path}' is a nested graph of the nodes {below}")
    found = callables.get(node.module_path)
    if not isinstance(found, nn.Module):
        raise NameResolutionError(f"'{path}' is no module: {node.type_name} is a function")
    return found


def find_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        InputError: if there is no such device, or it cannot be used here.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        shown = f"{escape_name(name):.80}"
        reason = str(error).replace(name, shown).partition("\n")[0]
        raise InputError(f"the device '{shown}' cannot be used: {reason}") from error
    return device


def device_of(model: nn.Module) -> torch.device:
    """Where a model's first parameter is; the CPU for a model without any."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
