"""Runs the plans of a graph on its modules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, cast

from composer.acceleration import EngineSets, OptimizedNodes
from composer.blueprint import Blueprint, Names, Plan, Slot
from composer.errors import InputError
from composer.executor import Edits as BoundEdits
from composer.executor import Observer, execute, gather
from composer.graph.acceleration_notes import describe_plan
from composer.graph.edited_runs import run_naming_edits
from composer.graph.editing import Editing
from composer.graph.edits import (
    NO_EDITS,
    Edits,
    GivenEdit,
    bind_edits,
    draws_any,
    join_edits,
    read_edits,
    read_edits_by_mode,
    refuse_edits,
)
from composer.graph.failed_runs import RunState, session_on_failure
from composer.graph.given_plans import check_given
from composer.graph.inference_forms import InferenceForms
from composer.graph.inputs import bind_inputs, read_inputs, spread_feeds
from composer.graph.keeping import HeldCache
from composer.graph.kept_runs import Keeping, Ways, find_kept, grads_off
from composer.graph.modules import CallableTable, VariedTable
from composer.graph.named_values import find_named_value
from composer.graph.observers import Observers
from composer.graph.outputs import pack_outputs
from composer.graph.pixel_scale import PixelScale
from composer.graph.seeds import check_seed, draw_seed
from composer.language import Mode
from composer.taps import find_module
from composer.value_cache import CacheFolder, KeyMaker, open_cache
from composer.values import make_recordable, needs_gradients


class Execution:
    """Runs plans.

    Args:
        blueprint: what the plans were made on.
        callables: what each node calls, by path; of a graph that was built in part, not all.
        optimized: what inference calls in place of some of them.
        sets: sets of nodes that engines run.
        editing: edits that hold for a while for all runs of a thread or task; by default its own.

    Attributes:
        observers: see nodes before and after they run.
        is_complete: whether all nodes were built.
        held_cache: the folder that values are kept in while a `with` block runs.
        unkept: why nodes are not kept, by path, as far as runs came upon them.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        callables: CallableTable | VariedTable,
        optimized: OptimizedNodes | None = None,
        sets: EngineSets | None = None,
        editing: Editing | None = None,
    ) -> None:
        self.blueprint, self.callables, self.optimized = blueprint, callables, optimized
        self.sets = sets
        self.observers, self.editing = Observers(), editing or Editing()
        self._pixel_scale = PixelScale(blueprint.spec)
        self._key_maker, self.held_cache = KeyMaker(), HeldCache()
        self.unkept = self._key_maker.reasons
        existing = [node for node in blueprint.nodes.values() if node.arguments]
        self.is_complete = all(node.module_path in callables for node in existing)

    def without_acceleration(self) -> Execution:
        """The same for the modules themselves: this one, unless some are optimised.

        Raises:
            InputError: if the graph that shares the modules is being trained.
        """
        if self.optimized is None and self.sets is None:
            return self
        self._refuse_training(is_training=self.callables.is_training)
        plain = Execution(self.blueprint, self.callables, editing=self.editing)
        plain.observers = self.observers
        return plain

    def plan(self, mode: Any, until: Names | None = None, feeds: Iterable[str | Slot] = ()) -> Plan:
        """The plan of a request, which can be run here: see `Blueprint.plan`."""
        if not isinstance(mode, str):
            raise InputError(f"a mode is 'training' or 'inference', not {type(mode).__name__}")
        plan = self.blueprint.plan(cast("Mode", mode), until, feeds)
        self.check(plan)
        return plan

    def annotate(self, plan: Plan, edits: Iterable[Slot] = ()) -> Plan:
        """A plan as a run would carry it out, with remarks.

        Args:
            plan: the plan.
            edits: slots that are edited.
        """
        edited = tuple(edits)
        plan = replace(plan, edits=edited) if edited else plan
        if plan.mode != "inference" or (self.optimized is None and self.sets is None):
            return plan
        found = plan if self.sets is None else self._fuse(plan, self.sets)
        if self.optimized is None:
            return found
        others = replace(found, steps=tuple([s for s in found.steps if not s.members]))
        return replace(found, notes=(*found.notes, *describe_plan(others, self.optimized)))

    def _fuse(self, plan: Plan, sets: EngineSets, edits: Collection[Slot] = ()) -> Plan:
        return sets.fuse(plan, self.observers.watched(plan.paths), edits)

    def spread(self, mode: Mode, feeds: Any) -> dict[Slot, Any]:
        """The slots that given values fill."""
        if not isinstance(feeds, Mapping):
            kind = type(feeds).__name__
            raise InputError(f"feeds are values by the name of a node or port, not {kind}")
        if not feeds:
            return {}
        return spread_feeds(feeds, self.blueprint.book(mode), self.blueprint.dependencies(mode))

    def read_edits(self, mode: Mode, edits: Any = None, fed: Collection[Slot] = ()) -> Edits:
        """The edits of a run: those of this thread or task, and then others that are given.

        Args:
            mode: the mode of the run.
            edits: functions by name.
            fed: slots that are fed; edits of this thread or task leave them alone.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError: if they are no functions by name, or something cannot be edited.
        """
        held = self.editing.current(mode)
        if edits is None:
            return held
        book, types = self.blueprint.book(mode), self.blueprint.dependencies(mode)
        own = read_edits(edits, book, types)
        refuse_edits(own, fed)
        return join_edits(held, own)

    def hold_edits(self, edits: Any, first: Mode) -> AbstractContextManager[None]:
        """Edits that hold in a `with` block: see `Graph.editing`.

        Args:
            edits: functions by name.
            first: the mode whose message is raised where a name means nothing in any mode.

        Raises:
            NameResolutionError: if a name means nothing in any mode, or several things.
            InputError: if they are no functions by name, or something cannot be edited.
        """
        modes = sorted(self.blueprint.modes, key=lambda mode: mode != first)
        books = {m: (self.blueprint.book(m), self.blueprint.dependencies(m)) for m in modes}
        return self.editing.holding(read_edits_by_mode(edits, books))

    def find_edited(self, mode: Mode, names: Names) -> tuple[Slot, ...]:
        """The slots that are edited in this thread or task, and those of other names."""
        book, types = self.blueprint.book(mode), self.blueprint.dependencies(mode)
        named = [
            find_named_value(name, book, types).slot
            for name in ([names] if isinstance(names, str) else names)
        ]
        return tuple(dict.fromkeys([*self.editing.current(mode), *named]))

    def bind_edits(self, mode: Mode, edits: Edits, seed: int) -> BoundEdits:
        """The edits as functions of the values alone, by slot.

        Args:
            mode: the mode.
            edits: the edits.
            seed: the run's seed.
        """
        bound = bind_edits(edits, self.blueprint.dependencies(mode), seed)
        apart, unwatched = self.editing.unedited, self.observers.unwatched
        return {slot: unwatched(apart(function)) for slot, function in bound.items()}

    def check(self, plan: Plan) -> None:
        """Makes sure that a plan can be run here.

        Raises:
            InputError: if a node of it was not built.
            NameResolutionError: if a node has no such module to tap.
        """
        plan = plan.original or plan
        for step in () if self.is_complete else plan.steps:
            if step.node.module_path not in self.callables:
                raise InputError(
                    f"node '{step.node.path}' was not built: the graph was built for a plan "
                    "that does without it"
                )
        for target in plan.targets:
            if target.tap:
                node = self.blueprint.nodes[target.slot.path]
                find_module(self.callables[node.module_path], node.path, target.tap)

    def run(
        self,
        plan: Plan,
        values: dict[Slot, Any],
        inputs: Mapping[str, Any],
        *,
        seed: int | None = None,
        release: bool = True,
        observers: Sequence[Observer] = (),
        callables: Mapping[str, Any] | None = None,
        edits: BoundEdits = NO_EDITS,
        keeping: Keeping | None = None,
    ) -> dict[str, Any]:
        """Runs a plan.

        Args:
            plan: the plan.
            values: what is given, by slot; what is computed is put there.
            inputs: the graph's inputs by name.
            seed: the run's seed; None draws one where a node needs it.
            release: whether a value goes after its last use.
            observers: those of this run, beside those of the graph.
            callables: what PyTorch calls in place of all modules, by their paths.
            edits: change what is computed, and inputs, but no other values that are given.
            keeping: where values are kept on disk, if they are.

        Returns:
            What the taps saw, by `path:module`.

        Raises:
            InputError: if an input is missing or does not fit.
            ExecutionError: if a node fails.
        """
        plan = plan.original or plan
        given = read_inputs(self.blueprint.inputs[plan.mode], plan, inputs, values, edits)
        self._pixel_scale.check(given)
        values.update(given)
        forms: InferenceForms | None = None
        if callables is None and self._is_accelerated(plan, values):
            forms = InferenceForms(self.optimized, self.sets, self.callables)
            edits = forms.watch(edits) if edits else edits
        callables = self.callables if callables is None else callables
        if forms is not None and self.sets is not None:
            plan, callables = self._fuse(plan, self.sets, edits), self.sets.extend(callables)
        if seed is None and plan.draws:
            seed = draw_seed()
        run = partial(
            execute,
            callables=callables,
            values=values,
            placement=self.callables.placement(values),
            seed=seed or 0,
            release=release,
            substitutes=forms,
            edits=edits,
        )
        if edits:
            run = partial(run_naming_edits, run, edits, self.blueprint.dependencies(plan.mode))
        observers = (*self.observers.current(), *observers)
        if keeping is None:
            return run(plan, observers=observers)
        ways = self._find_ways(callables, values, is_accelerated=forms is not None)
        watched = frozenset(self.observers.watched(plan.paths))
        asked = replace(keeping, without=watched, edited=frozenset(edits))
        with grads_off(plan, values):
            plan, keeper = find_kept(plan, values, asked, self._key_maker, ways, seed)
            return run(plan, observers=(*observers, keeper))

    def find_keeping(self, cache: CacheFolder | None, *, is_seeded: bool) -> Keeping | None:
        """Where a request keeps values: in a folder, or where runs of this thread or task do.

        Raises:
            InputError: it is no folder, or one that others use.
        """
        found = self.held_cache.current() if cache is None else open_cache(cache)
        return None if found is None else Keeping(found, is_seeded)

    def _find_ways(
        self, callables: Mapping[str, Any], values: Mapping[Slot, Any], *, is_accelerated: bool
    ) -> Ways:
        return Ways(
            self.blueprint.nodes,
            callables,
            self.callables.placement(values),
            self.optimized if is_accelerated else None,
            self.sets if is_accelerated else None,
        )

    def _is_accelerated(self, plan: Plan, values: Mapping[Slot, Any]) -> bool:
        """Whether a run takes optimised nodes and engines: not where gradients are recorded.

        Raises:
            InputError: if the graph that shares the modules is being trained.
        """
        if self.optimized is None and self.sets is None:
            return False
        is_training = plan.mode == "training" or self.callables.is_training
        self._refuse_training(is_training=is_training)
        return not needs_gradients([*values.values()])

    def _refuse_training(self, *, is_training: bool) -> None:
        if is_training:
            raise InputError(
                "an optimised graph is for inference: train the graph that it was made from, and "
                "put that into inference mode, with its `eval()`, before this one is run"
            )

    def request(
        self,
        inputs: Any,
        default: Mode,
        *,
        until: Names | Plan | None = None,
        feeds: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
        edits: Mapping[str, GivenEdit] | None = None,
        observers: Sequence[Observer] = (),
        cache: CacheFolder | None = None,
    ) -> Any:
        """Plans and answers a request: see `Graph.run`.

        Args:
            inputs: the graph's input, or a mapping by name where there are several.
            default: the mode of a request that names none.
            until: what is asked for.
            feeds: values by node or port.
            mode: the mode.
            seed: the run's seed.
            edits: functions by node or port.
            observers: those of this run, beside those of the graph.
            cache: the folder that values are kept in.
        """
        mode = until.mode if isinstance(until, Plan) else mode or default
        check_seed(seed)
        fed = self.spread(mode, {} if feeds is None else feeds)
        read = self.read_edits(mode, edits, fed)
        plan = until if isinstance(until, Plan) else self.plan(mode, until, fed)
        given = () if inputs is None else (inputs,)
        options: dict[str, Any] = {"seed": seed, "edits": read, "observers": observers}
        return self.answer(plan, given, fed=fed, until=until, cache=cache, **options)

    def answer(
        self,
        plan: Plan,
        inputs: tuple[Any, ...],
        named: Mapping[str, Any] | None = None,
        *,
        fed: Mapping[Slot, Any] | None = None,
        until: Names | Plan | None = None,
        seed: int | None = None,
        edits: Edits | None = None,
        observers: Sequence[Observer] = (),
        cache: CacheFolder | None = None,
    ) -> Any:
        """The result of a request in the form that was asked for: see `Graph.run`.

        Args:
            plan: the plan of the request.
            inputs: the graph's inputs in order.
            named: the graph's inputs by name.
            fed: values by slot.
            until: what was asked for.
            seed: the run's seed.
            edits: the edits; by default those that hold in this thread or task.
            observers: those of this run, beside those of the graph.
            cache: the folder that values are kept in; by default the one that holds in this thread.
        """
        fed = fed or {}
        keeping = self.find_keeping(cache, is_seeded=seed is not None)
        if isinstance(until, Plan):  # others were checked when they were made
            self.check(plan)
        edits = self.editing.current(plan.mode) if edits is None else edits
        check_given(plan, fed, edits)
        if seed is None and (draws_any(edits) or plan.draws):
            seed = draw_seed()
        bound = self.bind_edits(plan.mode, edits, seed or 0) if edits else NO_EDITS
        values = {slot: make_recordable(fed[slot]) for slot in plan.used_feeds}
        by_name = bind_inputs(self.blueprint.inputs[plan.mode], inputs, named or {})
        state = RunState(self, plan.mode, by_name, seed, values, fed, edits, keeping)
        changed: dict[str, Any] = {"edits": bound, "keeping": keeping}
        with session_on_failure(state):
            tapped = self.run(plan, values, by_name, seed=seed, observers=observers, **changed)
        found = [
            tapped[target.name] if target.tap else gather(target.endpoint, values)
            for target in plan.targets
        ]
        if plan.is_whole:
            return pack_outputs(self.blueprint, plan.mode, found)
        if isinstance(until, str):
            return found[0]
        names = [target.name for target in plan.targets] if isinstance(until, Plan) else until
        return dict(zip(names or (), found, strict=True))
