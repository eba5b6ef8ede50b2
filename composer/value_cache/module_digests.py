"""Hashes of what nodes call, taken anew only where something of it was replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from composer.module_tree import HELD, own_modules
from composer.value_cache.content_digest import (
    HOOKS,
    MODULE_ATTRIBUTES,
    ContentDigest,
    list_foreign_hooks,
)
from composer.value_cache.reachable_code import find_reachable
from composer.value_cache.tensor_digests import TensorDigests, digest_quickly
from composer.value_cache.unknown_content import UnknownContentError

_FIXED = (bool, int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device)
_CALLED = (FunctionType, BuiltinFunctionType)
_UNCALLED = (  # hooks of the loading and saving of weights, which may refer to their module weakly
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class Called(NamedTuple):
    """A hash of what a node calls.

    Attributes:
        digest: the hash.
        packages: top-level packages of its code.
    """

    digest: str
    packages: frozenset[str]


class _Known(NamedTuple):
    parts: list[Any]
    called: Called
    changing: str


class ModuleDigests:
    """Hashes of modules and functions, remembered as long as they consist of the same objects.

    Numbers, texts and classes never change, so they are compared by identity. Weights are compared
    by content, and what else may change in place is hashed each time.
    """

    def __init__(self) -> None:
        self._tensors = TensorDigests()
        self._known: dict[int, _Known] = {}

    def find(self, function: Callable[..., Any]) -> Called:
        """The hash of a module or function, as it is now.

        Raises:
            UnknownContentError: a part of it cannot be described.
        """
        if not isinstance(function, nn.Module):
            return self._digest(function)
        parts: list[Any] = []
        changing = ContentDigest(self._tensors.find)
        kinds: dict[type, None] = {}
        for _, inner in own_modules(function):
            _collect(function, inner, parts, changing)
            kinds[type(inner)] = None
        parts += [find_reachable(kind) for kind in kinds]
        digest = changing.hexdigest()
        known = self._known.get(id(function))
        if known is not None and known.changing == digest and _are_same(known.parts, parts):
            return known.called
        called = self._digest(function)
        self._known[id(function)] = _Known(parts, called, digest)
        return called

    def _digest(self, function: Callable[..., Any]) -> Called:
        digest = ContentDigest(self._tensors.find)
        digest.add(function)
        return Called(digest.hexdigest(), frozenset(digest.packages))

    def __deepcopy__(self, _memo: object) -> ModuleDigests:
        return ModuleDigests()

    def __reduce__(self) -> tuple[Any, ...]:
        return ModuleDigests, ()


def describe_state(module: nn.Module) -> tuple[Any, ...]:
    """What a call of a module may change in it, without the modules inside it."""
    parts: list[Any] = [id(module)]
    changing = ContentDigest(digest_quickly)
    try:
        for name, value in vars(module).items():
            if name == "_parameters":
                parts += [(id(p), 0 if p.is_inference() else p._version) for p in _tensors(value)]
            elif name == "_buffers":
                parts += [(id(b), digest_quickly(b)) for b in _tensors(value)]
            elif isinstance(value, _FIXED):
                parts += [name, value]
            elif name not in MODULE_ATTRIBUTES:
                parts.append(name)
                changing.add(value)
    except UnknownContentError:
        return tuple(parts)  # it has no key
    return (*parts, changing.hexdigest())


def _tensors(named: Mapping[str, Tensor | None]) -> list[Tensor]:
    return [tensor for tensor in named.values() if tensor is not None]


def _collect(node: nn.Module, module: nn.Module, parts: list[Any], changing: ContentDigest) -> None:
    """Adds the parts of a module that are compared by identity, and those by content."""
    parts += [module, type(module)]
    for name, value in vars(module).items():
        if name == HELD or name in _UNCALLED:
            continue
        if name in HOOKS:
            foreign = list_foreign_hooks(node, module, value)
            parts += [name, *foreign]
            if not foreign:
                changing.add(list(value.values()))
        elif name in ("_parameters", "_buffers"):
            for key, tensor in value.items():
                parts += [key, tensor]
                if tensor is not None:
                    changing.add(tensor)
        elif name == "_modules":
            parts += [*value, *value.values()]
        elif isinstance(value, dict) and not value:
            parts.append(name)
        elif isinstance(value, _FIXED) or type(value) in _CALLED or _is_fixed(value):
            parts += [name, value]
        else:
            parts.append(name)
            changing.add(value)


def _is_fixed(value: Any) -> bool:
    return type(value) is tuple and all(isinstance(item, _FIXED) for item in value)


def _are_same(first: list[Any], second: list[Any]) -> bool:
    return len(first) == len(second) and all(map(is_, first, second))
