"""Builds modules: those of a checked spec, each from a seed of its own, or one without numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from composer.blueprint import Blueprint, Node, Plan
from composer.construction.weight_limits import check_memory
from composer.errors import PluginError
from composer.escapes import describe_error
from composer.executor import derive_seed
from composer.garbage_collection import paused_collection
from composer.limits import format_bytes
from composer.memory import check_allocation, describe_shortage
from composer.taps import find_module

_MAX_BYTES = 2**40  # of the weights of one node
_MAX_CALLS = 100_000  # of torch, to make one module; a ResNet-152 takes 3,000
_SEEDING = RLock()  # the global generator, which is forked and seeded, belongs to all threads


def build_modules(
    blueprint: Blueprint,
    *,
    seed: int = 0,
    only: Collection[str] | None = None,
    device: torch.device | None = None,
) -> dict[str, Any]:
    """The modules and functions of a spec's nodes by path, each on its own device.

    Every module is built under a seed derived from `seed` and the node's path, so its first
    weights do not depend on what else is built. The global random state is left as it was.

    Args:
        blueprint: the checked spec, or a part of it.
        seed: the seed.
        only: paths of the nodes to build; by default all that exist in some mode.
        device: where the nodes go that name no device.

    Raises:
        PluginError: if a node type's constructor fails, or its device cannot be used.
        InputError: if the weights are more than the memory at hand.
    """
    if only is None:
        only = [path for path, node in blueprint.nodes.items() if node.arguments]
    wanted = {blueprint.nodes[path].module_path for path in only}
    check_memory([blueprint.nodes[path] for path in wanted], blueprint.weight_bytes)
    built: dict[str, Any] = {}
    with paused_collection(), restored_generator():
        for path, node in blueprint.nodes.items():
            if path not in wanted:
                continue
            torch.default_generator.manual_seed(derive_seed(seed, path))
            try:
                built[path] = instantiate(node)
            except (Exception, SystemExit) as error:
                reason = describe_shortage(error) or describe_error(error)
                raise PluginError(
                    f"node '{path}' ({node.label}) cannot be built: {reason}"
                ) from error
            _place(node, built[path], device)
    return built


def instantiate(node: Node) -> Any:
    """A node's module, or its function with the configuration bound.

    It gets a copy of the configuration: what it does to a list is not seen elsewhere.
    """
    assert node.contract is not None
    arguments = copy.deepcopy({**node.config, **node.shapes})
    if node.contract.is_module:
        return node.contract.target(**arguments)
    return _Configured(node.contract.target, arguments) if arguments else node.contract.target


def check_taps(plan: Plan) -> None:
    """Makes sure, before anything is built, that nodes have the modules that a plan taps.

    Raises:
        NameResolutionError: if one has not.
    """
    for step in plan.steps:
        for tap in step.taps:
            with torch.device("meta"):
                find_module(instantiate(step.node), step.node.path, tap)


@dataclass(frozen=True)
class _Configured:
    """A function with its configuration; unlike a partial it prints well and pickles by name."""

    function: Any
    arguments: Mapping[str, Any]

    def __call__(self, **inputs: Any) -> Any:
        return self.function(**inputs, **self.arguments)


def _place(node: Node, made: Any, device: torch.device | None) -> None:
    if not isinstance(made, nn.Module):
        return
    if node.device is None:
        if device is not None:
            made.to(device)
        return
    try:
        made.to(node.device)
    except (AssertionError, RuntimeError) as error:  # the former of a backend left out
        raise PluginError(
            f"node '{node.path}' cannot be put on '{node.device}': {error}"
        ) from error


class GiantModuleError(Exception):
    """A module is larger than any machine could hold; the message goes on after `it`."""


def count_bytes(module: nn.Module) -> int:
    """Bytes of the parameters and buffers of a module.

    Raises:
        GiantModuleError: no machine could hold them.
    """
    tensors = [*module.parameters(), *module.buffers()]
    found = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if found > _MAX_BYTES:
        raise GiantModuleError(f"its weights would take {format_bytes(found)}")
    return found


@contextmanager
def restored_generator() -> Iterator[None]:
    """Leaves the global random state as it was; other threads seed it afterwards only."""
    with _SEEDING, torch.random.fork_rng(devices=[]):
        yield


def build_on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Builds a module on the meta device, or on the CPU if it needs real numbers."""
    with restored_generator():
        return draw_on_meta(build)


def draw_on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Builds a module as `build_on_meta` does, and may draw from the global generator."""
    try:
        with torch.device("meta"), _MetaBuilding():
            return build()
    except (NotImplementedError, RuntimeError) as error:
        if shortage := describe_shortage(error):
            raise GiantModuleError(shortage) from error
        with _CheckedAllocation():
            return build()


class _CheckedAllocation(TorchFunctionMode):
    """Refuses tensors that are larger than the memory at hand, before they are made."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func in _MAKING:
            planned = func(*args, **{**named, "device": "meta"})
            check_allocation(planned.numel() * planned.element_size(), "a tensor of it")
        return func(*args, **named)


_MAKING: frozenset[Callable[..., Any]] = frozenset(
    {
        *(torch.empty, torch.zeros, torch.ones, torch.full, torch.arange, torch.linspace),
        *(torch.rand, torch.randn, torch.randint, torch.eye),
    }
)


class _MetaBuilding(TorchFunctionMode):
    """Skips the initialization of meta tensors, and limits how many a module may make.

    torch would import its compiler to do it, which takes as long as importing all the rest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.num_tensors = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if func in _FILLING:
            filled: Tensor = args[0] if args else named["tensor"]
            if filled.is_meta:
                return filled
        made = func(*args, **named)
        self.num_tensors += 1
        if self.num_tensors > _MAX_CALLS:
            raise GiantModuleError("it is made of too many parts")
        return made


_FILLING: frozenset[Callable[..., Any]] = frozenset(
    {
        *(Tensor.normal_, Tensor.uniform_, Tensor.zero_, Tensor.fill_),
        *(nn.init.normal_, nn.init.uniform_, nn.init.constant_, nn.init.kaiming_uniform_),
    }
)
