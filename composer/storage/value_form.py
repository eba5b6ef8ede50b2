"""A value as a description in JSON and tensors by key, and back.

Every part of the description is an object with one entry, whose key says what the part is:

| key | the part |
| --- | --- |
| `plain` | None, a bool, an int, a finite float or a text, as it is |
| `float` | `nan`, `inf` or `-inf` |
| `tensor`, `array` | a torch tensor or a numpy array: the key of its data |
| `list`, `tuple` | its items |
| `mapping` | pairs of key and value |
| `named` | `[name, pairs]` of a NamedTuple |
| `structure` | `[name, pairs]` of a structure of `structure_forms` |
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from composer.limits import Expansion
from composer.storage.structure_forms import STRUCTURE_FORMS, find_form

Form = dict[str, Any]

_PLAIN = (bool, int, float, str)
_MAX_KINDS, _MAX_FIELDS = 256, 256  # of NamedTuples, whose classes are made anew
ROOT = "value"  # the key of a tensor that is the whole value


class UnstorableError(TypeError):
    """A value is of a class that is not known here."""


def describe_value(value: object, *, is_exact: bool = False) -> tuple[Form, dict[str, Tensor]]:
    """Takes a value apart.

    Args:
        value: what flows through graphs: tensors, numpy arrays, numbers, texts, structures, and
            lists, tuples, NamedTuples and mappings of those.
        is_exact: whether every part has to come back as the class that it is: a number of numpy, a
            parameter or a mapping other than a dict is refused, and NamedTuples are described with
            their module.

    Returns:
        Its description, and its tensors by dotted key.

    Raises:
        UnstorableError: some part is of another class, which the message names.
    """
    description = _Description(is_exact=is_exact)
    return description.describe(value, ""), description.tensors


def restore_value(
    form: Form,
    tensors: Mapping[str, Tensor],
    expansion: Expansion,
    *,
    copies: bool = True,
    classes: Callable[[str, tuple[str, ...]], Any] | None = None,
) -> Any:
    """Puts a value together. No class is made but structures and NamedTuples.

    Args:
        form: its description.
        tensors: its tensors by key.
        expansion: adds up the tensors, which a description may name any number of times.
        copies: whether tensors are copied.
        classes: finds the NamedTuple of a name and fields; by default it is made anew.

    Raises:
        ExpansionError: the value is larger than its file explains.
        ValueError: the description is no such thing.
        KeyError: it names a tensor or a structure that does not exist.
    """
    return _Restoration(tensors, expansion, copies, classes or _named_tuple).restore(form)


class _Description:
    """Collects tensors while a value is being described; keys say the way to each."""

    def __init__(self, *, is_exact: bool) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.is_exact = is_exact

    def describe(self, value: Any, key: str) -> Form:
        if self.is_exact:
            _check_exact(value, key)
        if value is None or isinstance(value, (bool, int, str)):
            return {"plain": value}
        if isinstance(value, np.generic):
            return self.describe(value.item(), key)
        if isinstance(value, float):
            return {"plain": value} if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, Tensor):
            return {"tensor": self.add(value, key)}
        if isinstance(value, np.ndarray):
            return {"array": self.add(_as_tensor(value), key)}
        return self.describe_container(value, key)

    def describe_container(self, value: Any, key: str) -> Form:
        if (structure := find_form(value)) is not None:
            parts = structure.take_apart(value)
            return {"structure": [structure.kind.__name__, self.pairs(parts.items(), key)]}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            fields = zip(value._fields, value, strict=True)
            kind = type(value)
            name = f"{kind.__module__}:{kind.__qualname__}" if self.is_exact else kind.__name__
            return {"named": [name, self.pairs(fields, key)]}
        if type(value) in (list, tuple):
            items = [self.describe(item, _below(key, i)) for i, item in enumerate(value)]
            return {type(value).__name__: items}
        if isinstance(value, Mapping):
            return {"mapping": self.pairs(value.items(), key)}
        raise _refuse(value, key)

    def pairs(self, entries: Iterable[tuple[Any, Any]], key: str) -> list[list[Any]]:
        pairs = []
        for name, item in entries:
            if not isinstance(name, (str, int)):
                kind = type(name).__name__
                raise UnstorableError(f"a mapping with a key of type {kind} cannot be stored")
            pairs.append([name, self.describe(item, _below(key, name))])
        return pairs

    def add(self, tensor: Tensor, key: str) -> str:
        """Keeps a tensor under its key, or under the next free one like it."""
        wanted = key or ROOT
        free, number = wanted, 1
        while free in self.tensors or free == "__metadata__":
            number += 1
            free = f"{wanted}~{number}"
        self.tensors[free] = tensor
        return free


def _refuse(value: Any, key: str) -> UnstorableError:
    kind = type(value)
    where = f" at '{key}'" if key else ""
    return UnstorableError(f"a {kind.__module__}.{kind.__qualname__}{where} cannot be stored")


def _check_exact(value: Any, key: str) -> None:
    """Makes sure that a part comes back as the class that it is.

    Raises:
        UnstorableError: if it would not.
    """
    kind = type(value)
    if isinstance(value, Tensor):
        is_plain = kind is Tensor and value.layout == torch.strided and not value.requires_grad
        is_plain = is_plain and not (value.is_quantized or value.is_conj() or value.is_neg())
        is_exact = is_plain and not value.is_meta
    elif isinstance(value, Mapping):
        is_exact = kind is dict or find_form(value) is not None
    elif isinstance(value, np.ndarray):
        is_exact = kind is np.ndarray and value.flags.c_contiguous and value.flags.writeable
    else:
        is_exact = kind in _PLAIN or not isinstance(value, (int, str, float, np.generic))
    if not is_exact:
        raise _refuse(value, key)


def _as_tensor(array: NDArray[Any]) -> Tensor:
    try:
        return torch.from_numpy(np.array(array))  # a copy, for torch warns of what is read-only
    except TypeError:
        raise UnstorableError(f"an array of {array.dtype} cannot be stored") from None


def _below(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


class _Restoration:
    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        expansion: Expansion,
        copies: bool,
        classes: Callable[[str, tuple[str, ...]], Any],
    ) -> None:
        self.tensors, self.expansion = tensors, expansion
        self.copies, self.classes = copies, classes
        self.kinds: set[tuple[str, tuple[str, ...]]] = set()
        self.restorers: dict[str, Callable[[Any], Any]] = {
            "plain": self.plain,
            "float": self.number,
            "tensor": self.tensor,
            "array": lambda key: self.tensor(key).numpy(),
            "list": lambda items: [self.restore(item) for item in items],
            "tuple": lambda items: tuple(self.restore(item) for item in items),
            "mapping": self.pairs,
            "named": self.named,
            "structure": self.structure,
        }

    def restore(self, form: object) -> Any:
        if not isinstance(form, dict) or len(form) != 1:
            raise ValueError(f"no description of a value: {form!s:.80}")
        ((kind, content),) = form.items()
        if kind not in self.restorers:
            raise ValueError(f"a part is called '{kind!s:.80}'")
        return self.restorers[kind](content)

    def tensor(self, key: str) -> Tensor:
        found = self.tensors[key]
        self.expansion.add(found.nbytes)
        return found.clone() if self.copies else found

    def plain(self, value: Any) -> Any:
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise ValueError(f"no plain value: {value!s:.80}")
        return value

    def number(self, text: Any) -> float:
        if text not in ("nan", "inf", "-inf"):
            raise ValueError(f"no number: {text!s:.80}")
        return float(text)

    def pairs(self, pairs: list[Any]) -> dict[Any, Any]:
        return {name: self.restore(form) for name, form in pairs}

    def named(self, content: list[Any]) -> Any:
        name, pairs = content
        fields = self.pairs(pairs)
        kind = (str(name), tuple(str(field) for field in fields))
        self.kinds.add(kind)
        if len(self.kinds) > _MAX_KINDS or len(fields) > _MAX_FIELDS:
            raise ValueError("NamedTuples of too many kinds, or of too many fields")
        return self.classes(*kind)(**fields)

    def structure(self, content: list[Any]) -> Any:
        name, pairs = content
        return STRUCTURE_FORMS[name].put_together(self.pairs(pairs))


@lru_cache(maxsize=256)
def _named_tuple(name: str, fields: tuple[str, ...]) -> Any:
    """A NamedTuple with the name and the fields of the one that was stored.

    The class itself lives in some plugin; to import what a file names would be to run code that it
    chose.
    """
    return namedtuple(name, fields)
