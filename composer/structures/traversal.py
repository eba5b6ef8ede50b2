"""Walking over the tensors inside a value: structures, and plain containers around them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor

T = TypeVar("T")


@runtime_checkable
class TensorStructure(Protocol):
    """A structure that lists its tensors and replaces them."""

    def tensors(self) -> Iterator[Tensor]:
        """Yields every tensor that the structure holds."""
        ...

    def map_tensors(self, fn: Callable[[Tensor], Tensor], /) -> Any:
        """Returns a structure of the same type with `fn` applied to every tensor."""
        ...


def iterate_tensors(value: object) -> Iterator[Tensor]:
    """Yields the tensors inside a value, in order; a tensor held twice comes twice.

    Looks into structures, lists, tuples and the values of mappings. Anything else holds none.
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, TensorStructure):
        yield from value.tensors()
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from iterate_tensors(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from iterate_tensors(member)


def map_tensors(fn: Callable[[Tensor], Tensor], value: T) -> T:
    """Returns a copy of a value in which every tensor is replaced by `fn(tensor)`.

    Keeps the types of structures, lists, tuples, named tuples and dicts; what holds no tensor
    is passed on as it is.
    """
    return _map(fn, value)


def _map(fn: Callable[[Tensor], Tensor], value: Any) -> Any:
    if isinstance(value, Tensor):
        return fn(value)
    if isinstance(value, TensorStructure):
        return value.map_tensors(fn)
    if isinstance(value, dict):
        return {key: _map(fn, member) for key, member in value.items()}
    if isinstance(value, list):
        return [_map(fn, member) for member in value]
    if isinstance(value, tuple):
        members = (_map(fn, member) for member in value)
        # A named tuple takes its fields one by one, a plain one takes an iterable.
        return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
    return value
