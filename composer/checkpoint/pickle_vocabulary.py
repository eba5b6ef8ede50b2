"""The vocabulary of a pickle: a closed list of names, each with a function of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# Only flat values are hashed: hashing a deeply nested tuple overflows the C stack.
_KEY_TYPES = (str, int, float, bytes, type(None))


@dataclass(frozen=True)
class Named:
    """A global that a pickle names: its name, never the object."""

    name: str


@dataclass(frozen=True)
class Vocabulary:
    """The globals that pickles of one kind may name.

    Attributes:
        holds: the allowed content, for messages.
        functions: global name -> what calling it stands for. None: it may be named, not called.
        restore: gives an object its state; raises `TypeError` for one that takes none.
        persistent: stands for an object outside of the pickle.
    """

    holds: str
    functions: Mapping[str, Callable[..., object] | None]
    restore: Callable[[object, object], None]
    persistent: Callable[[object], object] | None = None


def as_key(value: object) -> Any:
    """`value`, if it may be the key of a dict or the element of a set.

    Raises:
        TypeError: it is a container or an object.
    """
    if not isinstance(value, _KEY_TYPES):
        raise TypeError(f"a {type(value).__name__} as a key")
    return value
