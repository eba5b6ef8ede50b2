"""The plan: an immutable, ordered list of steps, the ancestors of targets that no feed cuts off."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from composer.blueprint.addresses import Target
from composer.blueprint.dependencies import Dependencies
from composer.blueprint.nodes import WHOLE, Endpoint, Node, Slot
from composer.dag import needed, order
from composer.html_parts import make_heading, make_table, write_text
from composer.language import Mode
from composer.plurals import count_noun

_MAX_NAMES = 3


@dataclass(frozen=True)
class Step:
    """One node to run.

    Args:
        node: the node.
        arguments: what its input ports get in the mode of the plan.
        keeps: which outputs somebody needs, by place among the node's outputs.
        releases: slots whose values nobody needs after this step.
        taps: modules inside the node whose outputs are asked for.
        members: of a step that runs a set of nodes as one, their paths in order.
    """

    node: Node
    arguments: Mapping[str, Endpoint]
    keeps: tuple[tuple[int, Slot], ...]
    releases: tuple[Slot, ...]
    taps: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
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
        edits: slots whose values are changed right after they are computed, or read as inputs.
        notes: remarks on how nodes are run.
        original: of a plan with sets of nodes as one step, the plan that has a step for each node.
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
    edits: tuple[Slot, ...] = ()
    notes: tuple[str, ...] = ()
    original: Plan | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the nodes that run, in order."""
        paths: list[str] = []
        for step in self.steps:
            paths += step.members or (step.node.path,)
        return tuple(paths)

    @property
    def draws(self) -> bool:
        """Whether one of its nodes draws."""
        return any(step.node.draws_in(self.mode) for step in self.steps)

    @property
    def used_edits(self) -> tuple[Slot, ...]:
        """Those of the edited slots whose values the targets need."""
        known = {slot for step in self.steps for _, slot in step.keeps}
        known.update(self.input_slots, (Slot(name, WHOLE) for name in self.inputs))
        known.update(self.used_feeds)  # of a session, which computed them
        return tuple([slot for slot in self.edits if slot in known])

    def __repr__(self) -> str:
        names = [target.name for target in self.targets]
        more = ", ..." if len(names) > _MAX_NAMES else ""
        targets = ", ".join(names[:_MAX_NAMES]) or "nothing"
        return f"Plan({self.mode}: {count_noun(len(self.steps), 'step')} for {targets}{more})"

    def _repr_html_(self) -> str:
        """The steps as a table, in notebooks."""
        rows = [
            (
                place,
                ", ".join(step.members) or step.node.path,
                step.node.type_name,
                ", ".join(map(str, step.releases)),
            )
            for place, step in enumerate(self.steps, 1)
        ]
        remarks = [*self._list_given(), *self._list_left_out()]
        below = "".join(f"<div>{write_text(remark)}</div>" for remark in remarks)
        table = make_table(("", "node", "type", "releases"), rows)
        return make_heading(repr(self)) + table + below

    def __str__(self) -> str:
        targets = ", ".join(target.name for target in self.targets)
        lines = [f"plan for {targets or 'nothing'} ({self.mode})"]
        lines += [f"  {remark}" for remark in self._list_given()]
        width = max((len(step.node.path) for step in self.steps), default=0)
        for index, step in enumerate(self.steps, 1):
            released = ", ".join(str(slot) for slot in step.releases)
            note = f"  releases {released}" if released else ""
            node = step.node
            lines.append(f"  {index:>3} {node.path:<{width}}  {node.type_name:<16}{note}".rstrip())
        return "\n".join([*lines, *(f"  {remark}" for remark in self._list_left_out())])

    def _list_given(self) -> list[str]:
        lines = [f"inputs: {', '.join(self.inputs)}"] if self.inputs else []
        if self.feeds:
            lines.append(f"feeds: {_list_needed(self.feeds, self.used_feeds)}")
        if self.edits:
            lines.append(f"edits: {_list_needed(self.edits, self.used_edits)}")
        return lines

    def _list_left_out(self) -> list[str]:
        lines = [f"cut off by feeds: {', '.join(self.cut)}"] if self.cut else []
        if self.not_run:
            lines.append(f"not run: {', '.join(self.not_run)}")
        return [*lines, *self.notes]


def _list_needed(slots: Sequence[Slot], needed: Collection[Slot]) -> str:
    return ", ".join([f"{slot}{'' if slot in needed else ' (not needed)'}" for slot in slots])


def make_plan(
    dependencies: Dependencies,
    targets: Sequence[Target],
    feeds: Collection[Slot] = frozenset(),
    *,
    is_whole: bool = False,
    keep_all: bool = False,
    is_brief: bool = False,
) -> Plan:
    """The steps that compute the targets.

    Args:
        dependencies: the nodes and slots of one mode.
        targets: what is asked for.
        feeds: slots whose values are given, and so not computed; each is looked up there.
        is_whole: whether the targets are all outputs of the graph.
        keep_all: whether to keep every output of the nodes that run, needed or not.
        is_brief: whether to leave out what does not run, and feeds that nothing needs: in large
            graphs, listing these takes longer than a step.
    """
    graph = dependencies.graph
    wanted: set[Slot | str] = {slot for t in targets if not t.tap for slot in t.endpoint.slots}
    wanted |= {target.slot.path for target in targets if target.tap}
    vertices = needed(graph, wanted, feeds)
    fed = tuple(v for v in vertices if isinstance(v, Slot) and v in feeds)
    fed = fed if is_brief else tuple(feeds)
    running = {v for v in vertices if isinstance(v, str)}
    ordered = [v for v in order(graph, vertices, dependencies.rank) if isinstance(v, str)]
    is_cut = fed and not is_brief
    uncut = {v for v in needed(graph, wanted) if isinstance(v, str)} if is_cut else running
    inputs, input_types = dependencies.inputs, dependencies.input_types
    given = {v for v in vertices if v in input_types}.difference(fed)
    last = _last_uses(dependencies, ordered)
    read = last.keys() | wanted
    out = () if is_brief else [path for path in dependencies.nodes if path not in running]
    return Plan(
        mode=dependencies.mode,
        targets=tuple(targets),
        is_whole=is_whole,
        feeds=fed,
        used_feeds=tuple(slot for slot in fed if slot in vertices),
        inputs=tuple(n for n, p in inputs.items() if p.slot in given),
        input_slots=tuple(s for s in input_types if s in given and s in read),
        steps=_steps(dependencies, ordered, last, targets, feeds, keep_all),
        cut=tuple(path for path in out if path in uncut),
        not_run=tuple(path for path in out if path not in uncut),
    )


def _steps(
    dependencies: Dependencies,
    ordered: Sequence[str],
    last: Mapping[Slot, int],
    targets: Sequence[Target],
    fed: Collection[Slot],
    keep_all: bool,
) -> tuple[Step, ...]:
    kept = {slot for target in targets if not target.tap for slot in target.endpoint.slots}
    taps: dict[str, list[str]] = {}
    for target in targets:
        if target.tap:
            taps.setdefault(target.slot.path, []).append(target.tap)
    released: dict[int, list[Slot]] = {}
    for slot, index in last.items():
        if slot not in kept:
            released.setdefault(index, []).append(slot)
    steps: list[Step] = []
    for index, path in enumerate(ordered):
        node = dependencies.nodes[path]
        keeps = tuple(
            (place, slot)
            for place, slot in enumerate(node.slots)
            if slot not in fed and (keep_all or slot in last or slot in kept)
        )
        releases = tuple(sorted(released.get(index, ())))
        tapped = tuple(dict.fromkeys(taps.get(path, ())))
        steps.append(Step(node, node.arguments[dependencies.mode], keeps, releases, tapped))
    return tuple(steps)


def release_after_last_use(steps: Sequence[Step], targets: Collection[Slot]) -> tuple[Step, ...]:
    """Other steps than a plan was made with, whose values go after their last use.

    Args:
        steps: in their order.
        targets: slots whose values stay.
    """
    last = {
        slot: index
        for index, step in enumerate(steps)
        for end in step.arguments.values()
        for slot in end.slots
    }
    released: dict[int, list[Slot]] = {}
    for slot, index in last.items():
        if slot not in targets:
            released.setdefault(index, []).append(slot)
    return tuple(
        [replace(s, releases=tuple(sorted(released.get(i, ())))) for i, s in enumerate(steps)]
    )


def _last_uses(dependencies: Dependencies, ordered: Sequence[str]) -> Mapping[Slot, int]:
    """For each slot that a step reads, the last step that does."""
    last: dict[Slot, int] = {}
    for index, path in enumerate(ordered):
        for argument in dependencies.nodes[path].arguments[dependencies.mode].values():
            for slot in argument.slots:
                last[slot] = index
    return last
