"""The description in a checkpoint is one whole document, which refers to no file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from composer.errors import CheckpointError

_REFERENCES = ("extends", "spec", "weights")


def require_self_contained(document: Mapping[str, Any], source: str | os.PathLike[str]) -> None:
    """Refuses a description that names files, which whoever wrote the checkpoint has chosen.

    What this package saves names none: specs are written out, and weights are in the checkpoint.

    Args:
        document: the spec in a checkpoint.
        source: the checkpoint, for messages.

    Raises:
        CheckpointError: it names a file; the message says where.
    """
    for place, value in _find_references(document):
        raise CheckpointError(
            f"{os.fspath(source)}: refused: its description names a file ({place}: "
            f"{value!r:.80}). A checkpoint describes its whole graph and opens nothing else."
        )


def _find_references(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    pending: list[tuple[str, Mapping[str, Any]]] = [("", document)]
    while pending:
        path, part = pending.pop()
        for key in _REFERENCES:
            if part.get(key):
                yield f"{path}{key}", part[key]
        inputs = part.get("inputs")
        for name, declared in inputs.items() if isinstance(inputs, dict) else ():
            if isinstance(declared, dict) and declared.get("example"):
                yield f"{path}inputs.{name}.example", declared["example"]
        nodes = part.get("nodes")
        for name, node in nodes.items() if isinstance(nodes, dict) else ():
            if isinstance(node, dict):
                pending.append((f"{path}{name}.", node))
