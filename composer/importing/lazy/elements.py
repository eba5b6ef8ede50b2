"""What a lazy configuration holds: plain values, and inert names and calls of Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from composer.documents import Place


@dataclass(frozen=True)
class Element:
    """A value with its place.

    Args:
        value: a plain scalar, a list of elements, a mapping of elements by name, a `PythonName`, a
            `PythonCall`, or an `Unresolved` interpolation.
        place: where it stands in the file.
    """

    value: Any
    place: Place

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        return self.value


@dataclass(frozen=True)
class PythonName:
    """The name of a class or function. It is never imported.

    Args:
        name: dotted, such as `torch.nn.modules.normalization.LayerNorm`.
    """

    name: str

    @property
    def is_lambda(self) -> bool:
        """Whether it is a function without a name, of which a file does not hold the content."""
        return self.name.endswith("<lambda>")

    def __repr__(self) -> str:
        return "a lambda" if self.is_lambda else self.name


@dataclass(frozen=True)
class PythonCall:
    """A call of a class or function, which is never made.

    Args:
        name: dotted name of what would be called.
        positional: arguments without names.
        keywords: arguments by name.
    """

    name: str
    positional: tuple[Element, ...] = ()
    keywords: dict[str, Element] = field(default_factory=dict)

    def __repr__(self) -> str:
        given = [repr(item.plain()) for item in self.positional]
        given += [f"{name}={item.plain()!r}" for name, item in self.keywords.items()]
        return f"{self.name}({', '.join(given)})"


@dataclass(frozen=True)
class Unresolved:
    """An interpolation that has no value.

    Args:
        text: as it stands in the file.
        reason: why it has none.
    """

    text: str
    reason: str

    def __repr__(self) -> str:
        return repr(self.text)
