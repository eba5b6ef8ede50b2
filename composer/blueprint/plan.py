"""The plan: an immutable, ordered list of steps that one request needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from composer.blueprint.addresses import Target
from composer.blueprint.nodes import Endpoint, Node, Slot
from composer.language import Mode


@dataclass(frozen=True)
class Step:
    """One node to run.

    Args:
        node: the node.
        arguments: what its input ports get in the mode of the plan.
        keeps: which outputs somebody needs, by place among the node's outputs.
        releases: slots whose values nobody needs after this step.
        taps: modules inside the node whose outputs are asked for.
    """

    node: Node
    arguments: Mapping[str, Endpoint]
    keeps: tuple[tuple[int, Slot], ...]
    releases: tuple[Slot, ...]
    taps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What runs, in order, and when each value goes.

    Args:
        mode: the mode.
        targets: what was asked for.
        is_whole: whether that is all outputs of the graph.
        feeds: slots whose values are given.
        used_feeds: those of them that something needs.
        inputs: names of the graph inputs that are needed.
        input_slots: the slots of inputs, and of parts of inputs, that steps or targets read.
        steps: the nodes to run, in order.
        cut: nodes that targets would need, were it not for feeds.
        not_run: all other nodes of the mode that stay out.
    """

    mode: Mode
    targets: tuple[Target, ...]
    is_whole: bool
    feeds: tuple[Slot, ...]
    used_feeds: tuple[Slot, ...]
    inputs: tuple[str, ...]
    input_slots: tuple[Slot, ...]
    steps: tuple[Step, ...]
    cut: tuple[str, ...]
    not_run: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the nodes that run, in order."""
        return tuple(step.node.path for step in self.steps)

    def __str__(self) -> str:
        targets = ", ".join(target.name for target in self.targets)
        lines = [f"plan for {targets or 'nothing'} ({self.mode})"]
        if self.inputs:
            lines.append(f"  inputs: {', '.join(self.inputs)}")
        if self.feeds:
            unused = set(self.feeds) - set(self.used_feeds)
            shown = [f"{slot}{' (not needed)' if slot in unused else ''}" for slot in self.feeds]
            lines.append(f"  feeds: {', '.join(shown)}")
        width = max((len(path) for path in self.paths), default=0)
        for index, step in enumerate(self.steps, 1):
            released = ", ".join(str(slot) for slot in step.releases)
            note = f"  releases {released}" if released else ""
            node = step.node
            lines.append(f"  {index:>3} {node.path:<{width}}  {node.uses:<16}{note}".rstrip())
        if self.cut:
            lines.append(f"  cut off by feeds: {', '.join(self.cut)}")
        if self.not_run:
            lines.append(f"  not run: {', '.join(self.not_run)}")
        return "\n".join(lines)
