"""The tree of modules behind a graph, and finding in it what a node calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import torch
from torch import nn

from composer.executor import Placement
from composer.structures import iterate_tensors


class NodeGroup(nn.Module):
    """Holds the nodes of a nested graph, so that they are found under their paths."""

    def forward(self, *_: Any) -> Any:
        """Refuses: a nested graph is run by the graph around it."""
        raise TypeError("a nested graph is run through its graph: graph.run(..., until=...)")


def register_at(root: nn.Module, path: str, module: nn.Module) -> None:
    """Registers a module under its dotted path below `root`, making groups on the way.

    Not with `add_module`, which refuses names that modules have for themselves (`load`, `type`,
    `forward`): a node is found by its path, not as an attribute.
    """
    *groups, name = path.split(".")
    for group in groups:
        inner = root._modules.get(group)
        if inner is None:
            inner = root._modules[group] = NodeGroup()
        root = inner
    root._modules[name] = module


class CallableTable(Mapping[str, Callable[..., Any]]):
    """What to call by node path: always the module that the tree holds now, or a function.

    Args:
        root: the root of the tree.
        functions: functions by path.
        modules: paths of the nodes that are modules.
        placed: the nodes that were placed by themselves, by path: which module they call, and
            its device in the spec.
    """

    def __init__(
        self,
        root: nn.Module,
        functions: Mapping[str, Callable[..., Any]],
        modules: tuple[str, ...],
        placed: Mapping[str, tuple[str, str]],
    ) -> None:
        self._root, self._functions = root, functions
        self._placed = {p: (module, torch.device(name)) for p, (module, name) in placed.items()}
        self._routes = {path: tuple(path.split(".")) for path in modules}

    def __getitem__(self, path: str) -> Callable[..., Any]:
        function = self._functions.get(path)
        if function is not None:
            return function
        module: Any = self._root
        for name in self._routes[path]:
            module = module._modules[name]
        return module

    def placement(self, values: Mapping[Any, Any]) -> Placement:
        """Where the nodes are now: those with a device of their own, and all others.

        The others are where their parameters are, else their buffers, else the values that are
        given.

        Args:
            values: what a run is given.
        """
        nodes = {path: self._device_of(*placed) for path, placed in self._placed.items()}
        for name, tensor in chain(self._root.named_parameters(), self._root.named_buffers()):
            if not any(name.startswith(f"{path}.") for path in nodes):
                return Placement(tensor.device, nodes)
        given = next((tensor.device for tensor in iterate_tensors(list(values.values()))), None)
        return Placement(nodes=nodes) if given is None else Placement(given, nodes)

    def _device_of(self, path: str, device: torch.device) -> torch.device:
        """The device of a node's weights, which may have been moved; else that of the spec."""
        module = self[path] if path in self._routes else None
        tensors = module.state_dict().values() if isinstance(module, nn.Module) else ()
        return next((tensor.device for tensor in tensors), device)

    def __iter__(self) -> Iterator[str]:
        yield from self._routes
        yield from self._functions

    def __len__(self) -> int:
        return len(self._routes) + len(self._functions)
