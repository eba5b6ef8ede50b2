"""Which part of a graph a run would be about, for drawing it."""

from __future__ import annotations

from collections.abc import Sequence

from composer.construction import check_spec
from composer.draw import Selection
from composer.language import Mode, Spec
from composer.plan import AddressBook, Target, make_plan
from composer.plan.addressing import fed_slots


def select_nodes(spec: Spec, mode: Mode, until: Sequence[str], feeds: Sequence[str]) -> Selection:
    """What runs until some targets, from some feeds.

    Args:
        spec: the spec.
        mode: the mode.
        until: the targets; the outputs of the graph if there are none.
        feeds: what is given; a node stands for all of its outputs.

    Raises:
        SpecError: with all problems of the spec at once.
        NameResolutionError: if a name means nothing, or several things.
    """
    wiring = check_spec(spec).wirings[mode]
    book = AddressBook(wiring)
    fed = [slot for name in feeds for slot in fed_slots(book.resolve(name), wiring)]
    outputs = [Target(name, endpoint) for name, endpoint in wiring.outputs.items()]
    targets = [book.resolve(name) for name in until] or outputs
    plan = make_plan(wiring, targets, fed)
    nodes = {slot.path for target in targets for slot in target.endpoint.slots}
    return Selection(
        runs=frozenset(plan.paths),
        fed=frozenset({slot.path for slot in plan.used_feeds} - set(plan.paths)),
        targets=frozenset(nodes if until else ()),
        inputs=frozenset(plan.inputs),
        outputs=frozenset(() if until else wiring.outputs),
    )
