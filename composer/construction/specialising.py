"""Node types whose ports are known when their configuration is: those of a file, for instance.

Such a class has a class method `specialise(values, folder, is_written)` that returns the class
which the node really calls. It gets the configuration as written; the folder of the document in
which `file` is written, or the current one where it was set from outside; and whether a document
says it.
The class that it returns may have `saved_configuration`, what a checkpoint says of the node.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from composer.blueprint import Node, NodeTypes
from composer.documents import ProblemLog
from composer.errors import ComposerError
from composer.node import Contract, read_contract

_FILE = "file"


def specialise(
    node: Node, contract: Contract, types: NodeTypes, log: ProblemLog
) -> Contract | None:
    """The contract of a node whose type depends on its configuration; others are left as they are.

    Args:
        node: the node.
        contract: the contract of its node type.
        types: the node types of the spec.
        log: takes what is wrong with the configuration.

    Returns:
        The contract; None if there is a problem.
    """
    make: Any = getattr(contract.target, "specialise", None)
    values = node.written.plain()
    if make is None or not isinstance(values, dict):
        return contract
    written = node.written.at([_FILE])
    source = (written.origin or written.place).source
    if types.saved_in == source and _FILE in values:
        log.add(
            written.place,
            f"node '{node.path}': a checkpoint says nothing of files elsewhere; give the file with "
            f"--set {node.path}.{_FILE}=FILE",
        )
        return None
    is_written = os.path.isfile(source)
    folder = Path(source).parent if is_written else Path()
    if not values.get(_FILE):
        hint = f"Give it with --set {node.path}.{_FILE}=FILE."
        log.add(node.place, f"node '{node.path}': configuration '{_FILE}' is missing", hint)
        return None
    try:
        return read_contract(make(values, folder, is_written))
    except (ComposerError, ValueError, OSError) as error:
        log.add(written.place, f"node '{node.path}': {error}")
        return None
