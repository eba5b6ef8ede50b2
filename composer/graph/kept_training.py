"""Training that computes the frozen nodes of a graph once for each batch."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from composer.blueprint import Plan, Slot, Step
from composer.graph.frozen_nodes import FrozenNodes, find_frozen_nodes, list_states
from composer.graph.kept_runs import find_state
from composer.language import Mode
from composer.module_tree import own_modules
from composer.value_cache import (
    CacheFolder,
    Key,
    KeyedStep,
    KeyMaker,
    ValueCache,
    describe_environment,
    digest_quickly,
    find_watching,
    open_cache,
)
from composer.values import move

if TYPE_CHECKING:
    from composer.graph.graph import Graph

_LOGGER = logging.getLogger(__name__)
_MODE: Mode = "training"
_EFFECT = "draws from a global generator, records scalars or writes to its buffers"


class KeptTraining:
    """Runs a graph in training mode, and keeps the values that leave its frozen nodes.

    Every run gives what `Graph.run` would, bit for bit: values are found by what they depend on,
    content of the batch and weights included. A batch that is new runs as a whole. Where hooks or
    edits of the graph hold, nothing is kept.

    Args:
        graph: the graph.
        cache: the folder that values are kept in.

    Attributes:
        cache: the cache; its `use` counts what was read and written.
    """

    def __init__(self, graph: Graph, cache: CacheFolder) -> None:
        self.cache: ValueCache = open_cache(cache)
        self._graph = graph
        self._maker = KeyMaker()
        self._moving: dict[str, str] = {}  # nodes that turned out to have effects
        self._state: Any = None
        self._frozen = FrozenNodes()
        self._keys: Mapping[Slot, str] = {}

    def run(self, inputs: Any, seed: int) -> Any:
        """The outputs of training.

        Args:
            inputs: the graph's input.
            seed: the seed of stochastic nodes.
        """
        execution = self._graph._execution
        is_watched = (
            execution.observers.current() or execution.editing.current(_MODE) or find_watching()
        )
        content = None if is_watched or not self.find_frozen().frontier else self._find(inputs)
        if content is None:
            return self._graph.run(inputs, mode=_MODE, seed=seed)
        keys = {slot: _hash(key, content) for slot, key in self._keys.items()}
        values = self._read(keys)
        if values is not None:
            plan = execution.plan(_MODE, None, values)
            return execution.answer(plan, (inputs,), fed=values, seed=seed)
        keeper = _Keeper(frozenset(self._frozen.paths), self._graph.callables, _MODE)
        plan = execution.plan(_MODE)
        outputs = execution.answer(plan, (inputs,), seed=seed, observers=(keeper,))
        self._leave_out(dict.fromkeys(keeper.moving, _EFFECT))
        for slot, key in keys.items() if not keeper.moving else ():
            self.cache.keep(key, keeper.values[slot], {"node": slot.path, "port": slot.port})
        return outputs

    def find_frozen(self) -> FrozenNodes:
        """The frozen nodes as the graph is now, those whose values can be kept."""
        state = self._find_state()
        if state != self._state:
            self._state = state
            self._frozen, self._keys = self._find_keys()
            self._state = self._find_state()  # of the weights of these
        return self._frozen

    def _find_state(self) -> Any:
        """What decides the frozen nodes and their keys, as it is looked at in each run."""
        callables = self._graph.callables
        modules = [self._graph.blueprint.nodes[path].module_path for path in self._frozen.paths]
        tensors = [
            digest_quickly(tensor)  # no counter shows what is written to `tensor.data`
            for path in dict.fromkeys(modules)
            if isinstance(module := callables[path], torch.nn.Module)
            for _, inner in own_modules(module)
            for tensor in (*inner.parameters(recurse=False), *inner.buffers(recurse=False))
        ]
        return list(list_states(self._graph)), tensors, describe_environment(), len(self._moving)

    def _find_keys(self) -> tuple[FrozenNodes, Mapping[Slot, str]]:
        """The frozen nodes, and what the values that leave them depend on beside the batch."""
        blueprint, callables = self._graph.blueprint, self._graph.callables
        plan = blueprint.plan(_MODE)
        while True:
            frozen = find_frozen_nodes(blueprint, callables, self._moving)
            keys: dict[Slot, Key] = {slot: f"input {slot}" for slot in plan.input_slots}
            self._maker.add_keys(
                keys,
                [KeyedStep(step, (step.node,)) for step in _steps_of(plan, frozen)],
                callables,
                {},
                mode=_MODE,
                placement=self._graph._execution.callables.placement({}),
                seed=None,
            )
            without = {path for path in frozen.paths if path in self._maker.reasons}
            if not without:
                return frozen, {s: key for s in frozen.frontier if (key := keys[s]) is not None}
            self._leave_out({path: self._maker.reasons[path] for path in without})

    def _leave_out(self, reasons: Mapping[str, str]) -> None:
        """Counts nodes as not frozen, which is logged: a training says at first which are."""
        for path, reason in reasons.items():
            _LOGGER.warning("note: no values are kept from %s on: %s", path, reason)
        self._moving |= reasons

    def _find(self, inputs: Any) -> Key:
        return self._maker.find_value(inputs)

    def _read(self, keys: Mapping[Slot, str]) -> dict[Slot, Any] | None:
        """The values of all slots; None if one is not kept."""
        if not all(key in self.cache for key in keys.values()):
            return None
        found = {slot: self.cache.find(key) for slot, key in keys.items()}
        placement = self._graph._execution.callables.placement({})
        values: dict[Slot, Any] = {}
        for slot, value in found.items():
            if value is None:
                return None
            values[slot] = move(value[0], placement.of(slot.path))
        return values


def _steps_of(plan: Plan, frozen: FrozenNodes) -> list[Step]:
    paths = set(frozen.paths)
    return [step for step in plan.steps if step.node.path in paths]


@dataclass
class _Keeper:
    """Sees the frozen nodes run, and holds what they give.

    Args:
        paths: the nodes.
        callables: what nodes call, by path of the module.
        mode: the mode.

    Attributes:
        values: what they give, by slot.
        moving: those that have effects beside their outputs.
    """

    paths: frozenset[str]
    callables: Mapping[str, Callable[..., Any]]
    mode: Mode
    values: dict[Slot, Any] = field(default_factory=dict)
    moving: list[str] = field(default_factory=list)
    _before: Any = None

    def before(self, step: Step, arguments: Mapping[str, Any]) -> None:
        """Notes the state that a step may change."""
        del arguments
        if step.node.path in self.paths:
            self._before = find_state([self.callables.get(step.node.module_path)])

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """Holds the outputs."""
        if step.node.path not in self.paths:
            return
        if find_state([self.callables.get(step.node.module_path)]) != self._before:
            self.moving.append(step.node.path)
        values = list(outputs.values())
        self.values.update({slot: values[place] for place, slot in step.keeps})


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
