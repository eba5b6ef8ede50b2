"""A run that keeps its values: computed on demand, replaceable, and recomputed where stale."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from composer.acceleration import cast_up
from composer.blueprint import Blueprint, Endpoint, Plan, Slot, Target, listed, make_plan
from composer.errors import ExecutionError, InputError
from composer.executor import Edits as BoundEdits
from composer.executor import gather
from composer.graph.edits import (
    Edit,
    GivenEdit,
    group_edits,
    join_edits,
    read_edit,
    read_edits,
    refuse_edits,
)
from composer.graph.execution import Execution
from composer.graph.gradients import Differentiable
from composer.graph.inputs import bind_inputs, spread_feed
from composer.graph.kept_runs import following
from composer.graph.named_values import NamedValue, find_named_value
from composer.graph.recorded_part import RecordedPart
from composer.graph.seeds import check_seed, draw_seed
from composer.graph.session_edit import SessionEdit, find_undone
from composer.graph.session_values import SessionValues
from composer.graph.session_view import describe_session, draw_session
from composer.graph.snapshots import NO_NOTES, Snapshot, give_inputs, write_snapshot
from composer.graph.value_parts import parse_part
from composer.language import Mode
from composer.value_cache import CacheFolder
from composer.values import make_recordable


class Session:
    """A lazy, memoised run over one set of inputs.

    `session["mask_pooler"]` computes what is missing and returns the value;
    `session["detections"] = boxes` replaces a value, after which only what depends on it is
    stale; `del session["detections"]` takes the replacement back. `session.edit("mask_pooler",
    function)` changes a computed value, and `undo` takes that back; what is below is stale both
    times, and nothing above. A replaced value is not edited. A session belongs to the thread that
    made it; the graph may be shared.

    Args:
        execution: runs plans of the graph.
        mode: the session's mode.
        inputs: the graph's input, or a mapping by name where there are several.
        seed: the seed of all that is drawn; None draws one.
        cache: the folder that values are kept in, on disk.
    """

    def __init__(
        self,
        execution: Execution,
        mode: Mode,
        inputs: Any,
        seed: int | None,
        *,
        cache: CacheFolder | None = None,
    ) -> None:
        self._execution = execution
        self._thread = threading.current_thread()
        check_seed(seed)
        self.seed = draw_seed() if seed is None else seed
        self._book = execution.blueprint.book(mode)
        self._dependencies = execution.blueprint.dependencies(mode)
        given = () if inputs is None else (inputs,)
        self._inputs = bind_inputs(self._dependencies.inputs, given, {})
        self._held = SessionValues(self._dependencies.graph)
        self._own_edits: dict[NamedValue, tuple[Edit, ...]] = {}
        self._plain: Session | None = None
        self._is_editing = False
        self._keeping = execution.find_keeping(cache, is_seeded=seed is not None)

    def __getitem__(self, name: str) -> Any:
        self._prepare()
        target = self._book.resolve(name)
        if target.tap and target.name in self._held.taps:
            return self._held.taps[target.name]
        plan = self._plan([target], is_brief=True)
        if self._is_editing and (plan.steps or target.endpoint.slots[0] not in self._held.values):
            raise InputError(f"an edit asks its own session for '{name}', which is not computed")
        self._execution.check(plan)
        self._compute(plan)
        return (
            self._held.taps[target.name]
            if target.tap
            else gather(target.endpoint, self._held.values)
        )

    def __setitem__(self, name: str, value: Any) -> None:
        self._prepare()
        target = self._book.resolve(name)
        given = spread_feed(target, value, self._dependencies)
        self._plain = None
        self._held.replace(given)

    def feed(self, values: Any) -> None:
        """Replaces several values by name.

        Raises:
            InputError: if they are no mapping, or something cannot be given.
        """
        if not isinstance(values, Mapping):
            kind = type(values).__name__
            raise InputError(f"feeds are values by the name of a node or port, not {kind}")
        for name, value in values.items():
            self[name] = value

    def read(self, name: str) -> Any:
        """A value, or a part of one, such as `backbone.p3` or `detections.scores[0][3]`.

        Raises:
            NameResolutionError, InputError: it means nothing, or there is no such part.
            ExecutionError: a node or an edit fails.
        """
        part = parse_part(name, self._book)
        return part.find(self[part.target.name])

    def fork(self) -> Session:
        """A second session that begins with what this one has; nothing that it does is seen here.

        The values are shared, not copied.
        """
        self._prepare()
        made = copy.copy(self)
        made._held, made._own_edits, made._plain = self._held.fork(), dict(self._own_edits), None
        made._is_editing = False
        made._keeping = None if self._keeping is None else self._keeping.fork()
        return made

    def edit(self, name: str, function: GivenEdit) -> SessionEdit:
        """Changes a value when it is needed; a second edit of the same value replaces the first.

        Args:
            name: a node (its first port is meant), a port, an input, or a map (`backbone.p3`).
            function: gets a copy of the value, and gives another of the same type; or a list of
                functions, applied in their order.

        Returns:
            A handle with `undo()`, which is a context manager too.

        Raises:
            NameResolutionError: if the name means nothing or several things.
            InputError: if it cannot be edited, was replaced, or the function is none.
        """
        self._check_thread()
        place = find_named_value(name, self._book, self._dependencies)
        edits = read_edit(name, function, self._book, self._dependencies)
        refuse_edits([place.slot], self._held.overrides)
        self._own_edits[place] = edits
        return SessionEdit(place, partial(self._take_back, place, edits))

    def edit_all(self, edits: Any) -> None:
        """Edits several values, by name: see `edit`.

        Raises:
            NameResolutionError, InputError: as for `edit`; then none is edited.
        """
        self._check_thread()
        refuse_edits(read_edits(edits, self._book, self._dependencies), self._held.overrides)
        for name, function in edits.items():
            self.edit(name, function)

    def undo(self, name: str) -> None:
        """Takes an edit back; what was computed before it is there again.

        Args:
            name: what was edited, or a node or port of which a map was.

        Raises:
            KeyError: if it was not edited.
        """
        self._check_thread()
        place = find_named_value(name, self._book, self._dependencies)
        for each in find_undone(name, place, self._own_edits):
            del self._own_edits[each]

    def _take_back(self, place: NamedValue, edits: tuple[Edit, ...]) -> None:
        self._check_thread()
        if self._own_edits.get(place) is edits:
            del self._own_edits[place]

    def __delitem__(self, name: str) -> None:
        self._prepare()
        target = self._book.resolve(name)
        slots = [s for s in self._book.fed_slots(target) if s in self._held.overrides]
        if not slots:
            raise KeyError(f"'{name}' was not replaced")
        self._plain = None
        self._held.restore(slots)

    def __contains__(self, name: str) -> bool:
        """Whether the value is there without computing anything."""
        self._prepare()
        target = self._book.resolve(name)
        if target.tap:
            return target.name in self._held.taps
        return all(slot in self._held.values for slot in target.endpoint.slots)

    def __iter__(self) -> Iterator[str]:
        """The names of the values that are there."""
        self._prepare()
        return iter([str(slot) for slot in self._held.values])

    def plan(self, until: str | Sequence[str], *, at: str | Sequence[str] | None = None) -> Plan:
        """What asking for these names would run now.

        Args:
            until: the names.
            at: where the gradients of `until`, a number, are asked for: see `gradient`.
        """
        self._prepare()
        if at is None:
            targets = [self._book.resolve(name) for name in listed(until)]
            return self._execution.annotate(self._plan(targets), self._held.edits)
        (of,) = listed(until)
        return self.differentiable(of, at).plan

    def gradient(self, of: str, at: str | Sequence[str]) -> Any:
        """The gradient of a number with respect to values.

        What lies between them is run once more, by PyTorch on the weights of the graph, also where
        that is optimised. What the session keeps, weights and their gradients stay as they are;
        nothing need require gradients, may be frozen, or gradients switched off.

        Args:
            of: the number: a name and the way to it in its value, such as
                `detections.scores[0][3]`, `instances[0].pred_masks[2].mean()`, or
                `class_loss.loss_cls` in training mode.
            at: names of values, of parts of them (`backbone.p3`), or of taps.

        Returns:
            The gradient, of the form of the value; for several, a dict by the given names.

        Raises:
            NameResolutionError: a name means nothing or several things.
            InputError: there is no such number, or it does not depend on a value in a way that
                can be differentiated.
            ExecutionError: a node fails.
        """
        found = self.differentiable(of, at).evaluate().gradients
        return found[0] if isinstance(at, str) else dict(zip(at, found, strict=True))

    def differentiable(self, of: str, at: str | Sequence[str]) -> Differentiable:
        """The function from values to a number that `gradient`, with these arguments, uses."""
        self._prepare()
        own = self._without_acceleration()
        number, *parts = [parse_part(name, own._book) for name in (of, *listed(at))]
        part = RecordedPart(own._execution, own._dependencies, own._held.overrides, number, parts)
        options = {"in_place_of_optimised": own is not self}
        return Differentiable(part, own._give_edited, self._inputs, self.seed, **options)

    def holding(self, names: str | Sequence[str]) -> Session:
        """A session with the same values, of which these count as replaced, for gradients too."""
        slots = {slot for name in listed(names) for slot in self._book.resolve(name).endpoint.slots}
        self._give(sorted(slots))
        made = self.fork()
        made._held.hold(slots)
        return made

    def _give(self, slots: Sequence[Slot]) -> Mapping[Slot, Any]:
        """The values of slots, of which those that are missing are computed."""
        self._prepare()
        targets = [Target(str(slot), Endpoint((slot,))) for slot in slots]
        plan = self._plan(targets, is_brief=True)
        self._execution.check(plan)
        self._compute(plan)
        return {slot: self._held.values[slot] for slot in slots}

    def _give_edited(self, slots: Sequence[Slot]) -> tuple[Mapping[Slot, Any], BoundEdits]:
        """The values of slots, and the edits of what is computed from them."""
        values = self._give(slots)
        return values, self._execution.bind_edits(self._book.mode, self._held.edits, self.seed)

    def _without_acceleration(self) -> Session:
        """The same run by the modules of the graph: this one, unless they are optimised."""
        execution = self._execution.without_acceleration()
        if execution is self._execution:
            return self
        if self._plain is None:
            plain = self._plain = Session(execution, self._book.mode, None, self.seed)
            plain._inputs = self._inputs
            plain._own_edits = dict(self._own_edits)
            plain._held.overrides = set(self._held.overrides)
            known = {**self._held.values, **self._held.originals}
            plain._held.values = {slot: cast_up(known[slot]) for slot in self._held.overrides}
        return self._plain

    @property
    def computed(self) -> tuple[str, ...]:
        """Paths of the nodes all of whose needed values are there."""
        self._prepare()
        return self._list_computed()

    def _list_computed(self) -> tuple[str, ...]:
        have = {slot.path for slot in self._held.known if slot not in self._held.overrides}
        return tuple(path for path in self._dependencies.nodes if path in have)

    @property
    def replaced(self) -> tuple[str, ...]:
        """Names of the values that were replaced."""
        return tuple(str(slot) for slot in self._held.known if slot in self._held.overrides)

    @property
    def edited(self) -> tuple[str, ...]:
        """Names of the values that this session edits, in the order of their edits."""
        return tuple(str(place) for place in self._own_edits)

    @property
    def blueprint(self) -> Blueprint:
        """The checked spec of the graph."""
        return self._execution.blueprint

    def __repr__(self) -> str:
        marks = {"replaced": self.replaced, "edited": self.edited}
        return describe_session(self.blueprint, self._book.mode, self._list_computed(), marks)

    def _repr_html_(self) -> str:
        """The graph with what was computed, and the values in a table, in notebooks."""
        marks = {"edited": [str(p.slot) for p in self._own_edits], "replaced": self.replaced}
        shown = (self.blueprint, self._book.mode, self._list_computed(), self._held.values, marks)
        return draw_session(*shown, heading=repr(self))

    def _prepare(self) -> None:
        """Brings the values to the edits that hold now.

        Raises:
            InputError: in another thread than the session's.
        """
        self._check_thread()
        if self._is_editing:  # a function asks for other values
            return
        held = self._execution.editing.current(self._book.mode)
        wanted = join_edits(held, group_edits(chain.from_iterable(self._own_edits.values())))
        wanted = self._held.without_overrides(wanted)
        if wanted != self._held.edits:
            self._plain = None
            self._held.adopt(wanted)

    def _check_thread(self) -> None:
        if threading.current_thread() is not self._thread:
            raise InputError(
                "a session belongs to the thread that made it: make one in each thread. The graph "
                "may be shared by all of them."
            )

    def _plan(self, targets: Sequence[Target], *, is_brief: bool = False) -> Plan:
        given = self._held.known.keys() if self._held.originals else self._held.values.keys()
        return make_plan(self._dependencies, targets, given, keep_all=True, is_brief=is_brief)

    def _compute(self, plan: Plan) -> None:
        bound = self._execution.bind_edits(plan.mode, self._held.edits, self.seed)
        edits = {slot: partial(self._edit, slot, function) for slot, function in bound.items()}
        for slot in plan.used_feeds:
            if slot not in self._held.values:
                self._held.values[slot] = edits[slot](self._held.originals[slot])
            self._held.values[slot] = make_recordable(self._held.values[slot])
        options: dict[str, Any] = {"seed": self.seed, "release": False, "edits": edits}
        run = partial(self._execution.run, plan, self._held.values, self._inputs, **options)
        try:  # what was computed before a node fails stays
            with following(self._keeping, self._held.values):
                self._held.taps.update(run(keeping=self._keeping))
        except ExecutionError as error:
            error.session = self
            raise

    def save(self, folder: str | os.PathLike[str], notes: Mapping[str, Any] = NO_NOTES) -> Snapshot:
        """Writes the values that are there into a new folder: see `graph.session(snapshot=...)`.

        Its `snapshot.json` has the notes, too. What is returned says what could not be written.
        A value that was edited is written as it is after its edits.

        Raises:
            CheckpointError: the folder exists, or cannot be written.
        """
        self._prepare()
        given = give_inputs(self._dependencies, self._inputs, self._held.values)
        replaced = frozenset(slot for slot in self._held.overrides if slot in given)
        edited = frozenset(slot for slot in self._held.edits if slot in given)
        snapshot = Snapshot(self._book.mode, self.seed, given, {}, replaced, edited)
        return write_snapshot(folder, snapshot, self._dependencies, notes)

    def _edit(self, slot: Slot, function: Callable[[Any], Any], value: Any) -> Any:
        self._held.originals[slot] = value
        self._is_editing = True
        try:
            return function(value)
        finally:
            self._is_editing = False
