"""A hash of any value by its content: what is given to nodes, and what nodes consist of.

Two values of one hash are interchangeable for a node. What cannot be described by content, such as
a random generator or a function of a session in Python, has no hash.
"""

from __future__ import annotations

import enum
import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from composer.module_tree import HELD, own_modules
from composer.storage import find_form
from composer.value_cache.reachable_code import describe_code, find_reachable
from composer.value_cache.tensor_digests import digest_tensor
from composer.value_cache.unknown_content import UnknownContentError

_SCALARS = (bool, int, float, complex, str, bytes)
_BY_REPR = (torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format, np.dtype)
MODULE_ATTRIBUTES = {*vars(nn.Module()), "_compiled_call_impl", HELD}
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_DEEPEST = 200
_CONTAINERS = (list, tuple, set, frozenset, dict)
_POINTER = struct.calcsize("P")
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE, which classes written in Python have
_OF_PYTHON = ("builtins", "collections", "functools", "operator", "math", "types", "typing")


def list_foreign_hooks(node: nn.Module, inner: nn.Module, hooks: Mapping[int, Any]) -> list[Any]:
    """The hooks of a module that may be a user's.

    A library may put hooks on its own modules when they are first called, as transformers does to
    collect what layers give. Those count by their code. torch's classes are everybody's, and a
    node's package may be a user's.

    Args:
        node: what a node calls.
        inner: it, or a module inside it.
        hooks: hooks of the latter.
    """
    package = _find_package(type(inner))
    if package in ("torch", "__main__", _find_package(type(node))):
        return list(hooks.values())
    return [hook for hook in hooks.values() if _find_package(hook) != package]


def _find_package(value: Any) -> str:
    return str(getattr(value, "__module__", "")).partition(".")[0]


class ContentDigest:
    """Adds up values to one hash, and notes whose code they are made of.

    Args:
        find_tensor: the hash of a tensor.

    Attributes:
        packages: top-level packages of the classes and functions in the values.
    """

    def __init__(self, find_tensor: Callable[[Tensor], bytes] = digest_tensor) -> None:
        self.packages: set[str] = set()
        self._find_tensor = find_tensor
        self._digest = hashlib.sha256()
        self._seen: dict[int, int] = {}
        self._around: set[int] = set()
        self._held: list[Any] = []  # an address is only unique as long as its object lives

    def hexdigest(self) -> str:
        """The hash."""
        return self._digest.hexdigest()

    def add(self, value: Any) -> None:
        """Adds a value.

        Raises:
            UnknownContentError: it has a part that cannot be described.
        """
        kind = type(value)
        if value is None or kind in _SCALARS:
            self._note(kind.__name__, repr(value))
        elif isinstance(value, Tensor):
            self._note("tensor", self._find_tensor(value).hex())
        elif isinstance(value, np.generic):
            self._note("scalar", repr(value.dtype), value.tobytes().hex())
        elif isinstance(value, np.ndarray):
            self._add_array(value)
        elif isinstance(value, _BY_REPR):
            self._note(kind.__name__, repr(value))
        elif isinstance(value, type):
            self._add_type(value)
        elif isinstance(value, (list, tuple, set, frozenset, Mapping)):
            self._add_container(value)
        elif not self._has_seen(value):
            self._add_object(value)

    def _add_object(self, value: Any) -> None:
        if isinstance(value, nn.Module):
            self._add_module(value)
        elif isinstance(value, (FunctionType, MethodType, BuiltinFunctionType, partial)):
            self._add_function(value)
        elif (form := find_form(value)) is not None:
            self._note("structure", form.kind.__name__)
            self._add_pairs(form.take_apart(value).items())
        else:
            self._add_instance(value)

    def _add_container(self, value: Any) -> None:
        if id(value) in self._around or len(self._around) > _DEEPEST:
            raise UnknownContentError("a value that contains itself")
        self._around.add(id(value))
        self._add_type(type(value))
        self._note(str(len(value)))
        if (form := find_form(value)) is not None:
            self._add_pairs(form.take_apart(value).items())
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.add(item)
        elif isinstance(value, Mapping):
            self._add_pairs(value.items())
        else:
            self._note(*sorted(_digest_alone(item, self.packages) for item in value))
        if type(value) not in _CONTAINERS:
            self._add_pairs(_list_attributes(value))
        self._around.discard(id(value))

    def _add_instance(self, value: Any) -> None:
        kind = type(value)
        self._add_type(kind)
        if isinstance(value, enum.Enum):
            self._note(value.name)
        elif isinstance(value, os.PathLike):
            self._note(os.fspath(value))
        elif base := next((base for base in _SCALARS if isinstance(value, base)), None):
            self._note(base.__name__, base.__repr__(value))
            self._add_pairs(_list_attributes(value))
        elif _is_of_attributes(value):
            self._add_pairs(_list_attributes(value))
        else:
            raise UnknownContentError(f"a {kind.__module__}.{kind.__qualname__}")

    def _add_array(self, value: Any) -> None:
        if value.dtype.hasobject or type(value) is not np.ndarray:
            raise UnknownContentError(f"an array of {value.dtype}")
        self._note("array", repr(value.dtype), str(value.shape), str(value.strides))
        self._digest.update(np.ascontiguousarray(value).view(np.uint8).tobytes())

    def _add_pairs(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        for key, item in pairs:
            self.add(key)
            self.add(item)
        self._note("end")

    def _add_module(self, module: nn.Module) -> None:
        """The own modules of a node: types, modes, weights, and what else they have."""
        own = list(own_modules(module))
        for _, inner in own:
            self._seen.setdefault(id(inner), len(self._seen))
        for name, inner in own:
            if any(list_foreign_hooks(module, inner, getattr(inner, hooks)) for hooks in HOOKS):
                raise UnknownContentError("a forward or backward hook")
            self.add([list(getattr(inner, hooks).values()) for hooks in HOOKS])
            self._note("module", name)
            self._add_type(type(inner))
            is_compiled = getattr(inner, "_compiled_call_impl", None) is not None
            self._note(str(inner.training), str(is_compiled))
            self._add_pairs(inner._parameters.items())
            self._add_pairs(inner._buffers.items())
            rest = vars(inner).items()
            self._add_pairs([(key, item) for key, item in rest if key not in MODULE_ATTRIBUTES])

    def _add_type(self, kind: type) -> None:
        self._note("type", kind.__module__, kind.__qualname__)
        for base in kind.__mro__:
            self._note_package(base.__module__)
        if issubclass(kind, nn.Module):
            self._add_reachable(kind)

    def _add_function(self, function: Any) -> None:
        if isinstance(function, partial):
            self._note("partial")
            self.add(function.func)
            self.add(list(function.args))
            self.add(dict(function.keywords))
        elif isinstance(function, MethodType):
            self._note("method")
            self.add(function.__func__)
            self.add(function.__self__)
        elif isinstance(function, FunctionType):
            self._note("function", str(function.__module__), function.__qualname__)
            self._note_package(function.__module__ or "__main__")
            self._note(*describe_code(function.__code__))
            self._add_reachable(function)
            if "<" in function.__qualname__:  # made by another function; its source is not all
                self.add(function.__defaults__)
                self.add(function.__kwdefaults__)
                for cell in function.__closure__ or ():
                    self.add(cell.cell_contents)
        else:
            owner = function.__self__  # of a method of an object, that; of a function, its module
            if owner is not None and not isinstance(owner, (ModuleType, type)):
                self.add(owner)
            self._note("builtin", str(function.__module__), function.__qualname__)
            self._note_package(function.__module__ or "builtins")

    def _add_reachable(self, root: Any) -> None:
        code = find_reachable(root)
        self._note(code.digest)
        self.packages |= code.packages

    def _note_package(self, module: str) -> None:
        package = module.partition(".")[0]
        if package not in _OF_PYTHON:
            self.packages.add(package)

    def _has_seen(self, value: Any) -> bool:
        """Whether it was added before; then its number is."""
        number = self._seen.get(id(value))
        if number is None:
            self._seen[id(value)] = len(self._seen)
            self._held.append(value)
            return False
        self._note("again", str(number))
        return True

    def _note(self, *texts: str) -> None:
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            self._digest.update(len(data).to_bytes(8, "little"))
            self._digest.update(data)


def _list_attributes(value: Any) -> list[tuple[str, Any]]:
    """The attributes of an object, those in slots included."""
    names = _list_slots(type(value))
    found = [(name, getattr(value, name)) for name in names if hasattr(value, name)]
    return [*found, *getattr(value, "__dict__", {}).items()]


def _list_slots(kind: type) -> list[str]:
    members = [vars(each).items() for each in kind.__mro__]
    return [n for each in members for n, m in each if isinstance(m, MemberDescriptorType)]


def _is_of_attributes(value: Any) -> bool:
    """Whether an object has attributes, and nothing beside them that a class in C has."""
    kind: Any = type(value)
    num_slots = len(_list_slots(kind))
    in_object = (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    size = object.__basicsize__ + _POINTER * (num_slots + in_object)
    has_some = num_slots > 0 or hasattr(value, "__dict__")
    is_of_python = all(each.__flags__ & _HEAP_TYPE for each in kind.__mro__[:-1])
    return has_some and is_of_python and bool(kind.__basicsize__ == size)


def _digest_alone(value: Any, packages: set[str]) -> str:
    digest = ContentDigest()
    digest.add(value)
    packages |= digest.packages
    return digest.hexdigest()
