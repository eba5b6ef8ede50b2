"""Which setting of a node is to blame where the node is too large."""

from __future__ import annotations

from typing import Any

from composer.blueprint.nodes import Node
from composer.documents import Located


def find_largest(node: Node, above: float = 1) -> tuple[str, Located | None]:
    """The setting of a node with the largest number, and its value as written.

    Args:
        node: the node.
        above: what the number is larger than.

    Returns:
        The name, empty if no setting has such a number; and the value, None for a default.
    """
    sizes = {key: _largest_in(value) for key, value in node.config.items()}
    name = max(sizes, key=sizes.__getitem__, default="")
    return ("", None) if sizes.get(name, 0) <= above else (name, node.written.get(name))


def describe_largest(node: Node, *, with_place: bool = False) -> str:
    """A hint that names the setting of a node with the largest number.

    Args:
        node: the node.
        with_place: whether to say where the setting was written.
    """
    name, value = find_largest(node)
    if not name:
        return ""
    where = f" ({value.origin or value.place})" if with_place and value is not None else ""
    return f"Its largest setting is {name}: {_shown(node.config[name])}{where}."


def _largest_in(value: Any) -> float:
    if isinstance(value, (list, tuple)):
        return max([len(value), *map(_largest_in, value)])
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return abs(value) if is_number else 0


def _shown(value: Any) -> str:
    text = str(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 60 else f"{text[:60]}..."
