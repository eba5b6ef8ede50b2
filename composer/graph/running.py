"""Running a graph: whole, in part, kept in a session, watched and measured."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Literal

from composer.blueprint import Names, Plan
from composer.errors import InputError
from composer.graph.accelerated import describe_optimization
from composer.graph.built_graph import BuiltGraph
from composer.graph.costs import Costs, counting
from composer.graph.edits import GivenEdit
from composer.graph.hooks import HookHandle, HookObserver, NodeHook
from composer.graph.keeping import refuse_cache
from composer.graph.profiling import Profile, profile_run
from composer.graph.session import Session
from composer.graph.snapshots import read_snapshot, restore_values
from composer.language import Mode
from composer.value_cache import CacheFolder, ValueCache, open_cache


class RunnableGraph(BuiltGraph):
    """A built graph that is run, whole or in part."""

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Runs the whole graph.

        Args:
            *inputs: the graph's inputs in order; one mapping by name does as well.
            **named: the graph's inputs by name.

        Returns:
            In inference of a detector, a dict for each image; in training a dict of losses;
            otherwise a dict by output name. A subgraph of one target gives its value.

        Raises:
            InputError, ExecutionError: an input does not fit, or a node fails.
        """
        return self._execution.answer(self._execution.plan(self.mode), inputs, named)

    def run(
        self,
        inputs: Any = None,
        *,
        until: Names | Plan | None = None,
        feeds: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
        edits: Mapping[str, GivenEdit] | None = None,
        cache: CacheFolder | None = None,
    ) -> Any:
        """Runs what the targets need, and nothing else.

        Args:
            inputs: the graph's input, or a mapping by name where there are several.
            until: a node, port or tap (`backbone.bottom_up:res4`), or several; the whole graph
                if None; or a plan of this graph's blueprint.
            feeds: values to use in place of computing them, by node or port.
            mode: training or inference; by default that of the plan, or of `train()` and `eval()`.
            seed: the seed of all that nodes and edits draw; by default one from torch's global
                generator.
            edits: functions that change values, by node, port, input or map (`backbone.p3`). Each
                gets a copy of the value that was computed, and gives another of the same type;
                one with a parameter `generator` gets one that is seeded from the run's seed. A
                list of functions is applied in its order.
            cache: a folder in which values of nodes are kept, and found again by any later run,
                bit for bit; see `ValueCache`. Only deterministic nodes of plugins are kept, and
                not what lies below a hook or an edit. In inference such a run records no gradients.

        Returns:
            The target's value; for several, a dict by the names that were given, for a plan by
            their full names; without `until`, what `graph(inputs)` gives.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError, ExecutionError: an input does not fit, or a node or an edit fails.
        """
        return self._execution.request(
            inputs,
            self.mode,
            until=until,
            feeds=feeds,
            mode=mode,
            seed=seed,
            edits=edits,
            cache=cache,
        )

    def session(
        self,
        inputs: Any = None,
        *,
        feeds: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        seed: int | None = None,
        edits: Mapping[str, GivenEdit] | None = None,
        cache: CacheFolder | None = None,
        snapshot: str | os.PathLike[str] | None = None,
    ) -> Session:
        """A lazy run that keeps its values, with the options of `run`; see `Session`.

        Args:
            inputs: as for `run`.
            feeds: as for `run`.
            mode: as for `run`.
            seed: as for `run`.
            edits: as for `run`.
            cache: as for `run`.
            snapshot: a folder that `Session.save` or `--save-on-error` wrote: the session begins
                with its values, inputs, mode and seed. What nodes that have changed since, and
                those below them, gave is computed anew; weights are not compared. Values that
                were edited count as replaced.

        Raises:
            NameResolutionError: if a name means nothing or several things.
            InputError: something does not fit, or the snapshot cannot be read.
        """
        held = None if snapshot is None else read_snapshot(snapshot, self.blueprint)
        if held is not None:
            mode, seed = mode or held.mode, held.seed if seed is None else seed
            if mode != held.mode:
                raise InputError(f"the snapshot is of {held.mode}, and asked for is {mode}")
        session = Session(self._execution, mode or self.mode, inputs, seed, cache=cache)
        if held is not None:
            restore_values(session, held)
        session.feed({} if feeds is None else feeds)
        session.edit_all({} if edits is None else edits)
        return session

    def editing(self, edits: Mapping[str, GivenEdit]) -> AbstractContextManager[None]:
        """Edits that hold for all runs of this graph while a `with` block runs.

        They hold in the thread or asyncio task that enters the block, and in tasks that begin in
        it, also for graphs that `optimize` and `accelerate` made of this one. Blocks may be nested:
        the edits of the outer ones come first, those of a run last. What a run is fed is not
        edited. Nodes that exist in one mode only are edited in that mode.

        Args:
            edits: as for `run`.

        Raises:
            NameResolutionError: if a name means nothing in any mode, or several things.
            InputError: if they are no functions by name, or something cannot be edited.
        """
        return self._execution.hold_edits(edits, self.mode)

    def keeping(self, cache: CacheFolder) -> AbstractContextManager[ValueCache]:
        """Keeps the values of all runs and sessions that begin in the `with` block: see `run`.

        It holds in this thread or task, and gives the cache, whose `use` counts what was found.

        Args:
            cache: the folder, or a `ValueCache`.

        Raises:
            InputError: it is no folder, or one that others use.
        """
        return self._execution.held_cache.holding(open_cache(cache))

    @property
    def unkept(self) -> Mapping[str, str]:
        """The nodes that no cache keeps, as far as runs came upon them, with the reason."""
        return dict(self._execution.unkept)

    def plan(
        self,
        until: Names | None = None,
        *,
        feeds: Collection[str] = (),
        mode: Mode | None = None,
        edits: Names = (),
    ) -> Plan:
        """What a run would do: which nodes, in which order, and where values are released.

        Args:
            until: as for `run`.
            feeds: names of what is fed.
            mode: as for `run`.
            edits: names of what is edited.
        """
        mode = mode or self.mode
        plan = self._execution.plan(mode, until, feeds)
        edited = self._execution.find_edited(mode, edits)
        return self._execution.annotate(plan, [slot for slot in edited if slot not in plan.feeds])

    def profile(self, inputs: Any = None, *, memory: bool = True, **options: Any) -> Profile:
        """Runs like `run`, with its options, and measures every node.

        It runs twice: watching memory takes time, so memory is measured in a first pass, and time
        in a second one. Both have the same random numbers, and hooks see the second.

        Args:
            inputs: as for `run`.
            memory: whether memory is measured; without it there is one pass.
            **options: those of `run`, but for a cache, which would leave nodes out.
        """
        refuse_cache(options)
        run = partial(self._execution.request, inputs, self.mode, **options)
        with self._execution.held_cache.pausing():
            return profile_run(run, self, self._execution.observers, memory=memory)

    def costs(self, inputs: Any = None, **options: Any) -> Costs:
        """Runs like `run`, with its options, and counts parameters and operations of every node.

        A node that works on regions costs as much as there are regions in this run. An optimised
        graph costs as much as the one that it was made from.
        """
        if self.source is not None:
            return self.source.costs(inputs, **options)
        refuse_cache(options)
        with self._execution.held_cache.pausing(), counting(self._callables) as counter:
            result = self._execution.request(inputs, self.mode, observers=(counter,), **options)
        return Costs(tuple(counter.nodes), result)

    def add_hook(
        self,
        function: NodeHook,
        moment: Literal["before", "after"],
        node: str = "",
        *,
        every_thread: bool = False,
        as_one: bool = False,
    ) -> HookHandle:
        """Calls a function before or after nodes run.

        Args:
            function: gets the node's path, and its inputs (before) or outputs (after) by port.
                It looks and changes nothing; to replace a value, feed or edit it.
            moment: `before` or `after`.
            node: a node or nested graph; all nodes by default.
            every_thread: whether it sees runs in other threads than this one, too.
            as_one: whether a set of nodes that an engine runs counts as one, by the name of
                `engine_steps`, and a node whose value is found in a cache as none; otherwise
                PyTorch runs sets with a node that the hook is for, and such nodes run.

        Returns:
            A handle with `remove()`, which is a context manager too.
        """
        path = self.resolve_node(node) if node else ""
        hook = HookObserver(function, moment, path, as_one)
        return HookHandle(self._execution.observers, hook, every_thread=every_thread)

    @property
    def optimization(self) -> str:
        """What was applied to an optimised graph, in one line; empty for another."""
        return describe_optimization(self)

    @property
    def engine_steps(self) -> Mapping[str, str]:
        """The sets of nodes that engines run, by their names, with engine and precision."""
        sets = self._execution.sets
        return {} if sets is None else {each.name: each.label for each in sets.sets}

    @property
    def engine_nodes(self) -> Mapping[str, tuple[str, ...]]:
        """The nodes of the sets that engines run, by the names of the sets."""
        sets = self._execution.sets
        return {} if sets is None else {each.name: each.paths for each in sets.sets}
