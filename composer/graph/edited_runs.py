"""Names the edits above a node that fails, which may be why it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from composer.blueprint import Dependencies, Plan, Slot
from composer.dag import needed
from composer.errors import ExecutionError


def run_naming_edits(
    run: Callable[..., dict[str, Any]],
    edited: Iterable[Slot],
    types: Dependencies,
    plan: Plan,
    **options: Any,
) -> dict[str, Any]:
    """Runs a plan; the error of a node says which of the values above it are edited.

    Args:
        run: runs plans.
        edited: the slots that are edited.
        types: the nodes and slots of the mode.
        plan: the plan.
        **options: for `run`.
    """
    try:
        return run(plan, **options)
    except ExecutionError as error:
        above = needed(types.graph, [error.path]) if error.path in types.nodes else set()
        if names := [str(slot) for slot in edited if slot in above]:
            error.args = (f"{error}\n  Edited above it: {', '.join(names)}",)
        raise
