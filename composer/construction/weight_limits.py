"""Compares the weights of nodes with the memory at hand, before they are built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composer.blueprint import Node, describe_largest
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
