"""Compares the weights of nodes with the memory at hand, before they are built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from composer.blueprint import Node
from composer.documents import Located
from composer.errors import InputError
from composer.limits import format_bytes
from composer.memory import available_memory


def check_memory(nodes: Iterable[Node], weight_bytes: Mapping[str, int]) -> None:
    """Refuses to build weights that are more than the memory at hand.

    Args:
        nodes: the nodes to build.
        weight_bytes: bytes of the weights by path.

    Raises:
        InputError: as said; the message names the largest node and its largest setting.
    """
    known = {node.path: node for node in nodes if node.device != "meta"}
    sizes = {path: weight_bytes.get(path, 0) for path in known}
    needed, available = sum(sizes.values()), available_memory()
    if not needed or available is None or needed <= available:
        return
    largest = known[max(sizes, key=sizes.__getitem__)]
    raise InputError(
        f"the weights would take {format_bytes(needed)} of memory, and "
        f"{format_bytes(available)} are at hand. The largest node is '{largest.path}' with "
        f"{format_bytes(sizes[largest.path])}. {describe_largest(largest)}".rstrip()
    )


def find_largest(node: Node) -> tuple[str, Located | None]:
    """The setting of a node with the largest number, and its value as written.

    Returns:
        The name, empty if no setting has a number above 1; and the value, None for a default.
    """
    sizes = {key: _largest_in(value) for key, value in node.config.items()}
    name = max(sizes, key=sizes.__getitem__, default="")
    return ("", None) if sizes.get(name, 0) <= 1 else (name, node.written.get(name))


def describe_largest(node: Node) -> str:
    """A hint that names the setting of a node with the largest number."""
    name = find_largest(node)[0]
    return f"Its largest setting is {name}: {_shown(node.config[name])}." if name else ""


def _largest_in(value: Any) -> float:
    if isinstance(value, (list, tuple)):
        return max([len(value), *map(_largest_in, value)])
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return abs(value) if is_number else 0


def _shown(value: Any) -> str:
    text = str(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 60 else f"{text[:60]}..."
