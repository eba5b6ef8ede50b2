"""Descriptions of how an optimised graph runs its nodes."""

from __future__ import annotations

from collections.abc import Collection

from composer.acceleration import OptimizedNode, OptimizedNodes
from composer.blueprint import Plan


def describe_plan(plan: Plan, optimized: OptimizedNodes) -> tuple[str, ...]:
    """What a plan says of optimised nodes, and of those that it runs by their own modules.

    Args:
        plan: the plan.
        optimized: the optimised nodes.
    """
    tapped = [step.node.path for step in plan.steps if step.taps]
    changed = [path for path in plan.paths if path in optimized.nodes and path not in tapped]
    notes = [f"optimised: {', '.join(changed)}"] if changed else []
    if lowered := [path for path in changed if optimized.nodes[path].is_lowered]:
        notes.append(f"in {optimized.precision}: {', '.join(lowered)}")
    if own := [path for path in tapped if path in optimized.nodes]:
        notes.append(f"by its own module, for it is tapped: {', '.join(own)}")
    reasons = {path: optimized.nodes[path].failure for path in changed}
    notes += [
        f"by its own module, for no other could be made: {path} ({reason})"
        for path, reason in reasons.items()
        if reason
    ]
    if changed:
        notes.append("by their own modules where an input needs gradients: all nodes")
    return tuple(notes)


def describe_nodes(optimized: OptimizedNodes, paths: Collection[str]) -> str:
    """What was applied to nodes, in one line.

    Args:
        optimized: the optimised nodes.
        paths: all nodes of inference.
    """
    found = [node for path, node in optimized.nodes.items() if path in paths]
    nodes = [node for node in found if not node.optimization.any_precision]  # which fold no layers
    failed = [node.path for node in found if node.failure]
    parts = [
        _count(nodes, "fold", "normalisations and activations folded"),
        _count(nodes, "channels_last", "channels last"),
    ]
    lowered = sum(node.is_lowered for node in nodes)
    if lowered:
        parts.append(f"{optimized.precision} in {lowered} of {len(paths)} nodes")
    notes = sorted({node.optimization.note for node in found} - {""})
    parts += [
        _count([node for node in found if node.optimization.note == note], "note", note)
        for note in notes
    ]
    if failed:
        parts.append(f"not in {', '.join(failed)}, which cannot be copied")
    applied = ", ".join(part for part in parts if part)
    return applied or "nothing: no node type says what can be changed"


def _count(nodes: Collection[OptimizedNode], name: str, words: str) -> str:
    number = sum(bool(getattr(node.optimization, name)) for node in nodes)
    return f"{words} in {number} {'node' if number == 1 else 'nodes'}" if number else ""
