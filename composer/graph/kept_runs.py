"""Runs that find values in a cache on disk, and keep there what they compute.

The keys of all values of a plan follow from the inputs. From the targets upwards, a step whose
needed outputs are kept is left out, with all that only it needs; the others run, and what they give
is kept. Undeclared effects are noticed while a step runs: one that draws from a global generator,
or writes to buffers of its module (the statistics of a batch normalisation), gives values that are
not kept, nor are those that depend on them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from composer.acceleration import EngineSets, OptimizedNodes
from composer.blueprint import Node, Plan, Slot, Step, release_after_last_use
from composer.events import count_recorded
from composer.executor import Placement, is_random
from composer.language import Mode
from composer.module_tree import own_modules
from composer.value_cache import (
    ContentDigest,
    Key,
    KeyedStep,
    KeyMaker,
    UnknownContentError,
    ValueCache,
    describe_state,
    digest_quickly,
    find_watching,
)
from composer.values import carries_gradients

_EFFECT = "it drew from a global generator, or wrote to a buffer or an attribute of its own"
_REPLACED = "PyTorch computed it in place of the engine"


@dataclass
class Keeping:
    """What a request says of keeping values.

    Args:
        cache: where they are kept.
        is_seeded: whether the run's seed is one that a later run can have again.
        keys: keys of the values that are there, by slot; those that are computed are added. Given
            values without one get the hash of their content.
        without: nodes that hooks of users watch, which are not kept, nor what is below.
        edited: slots that functions of users change, which are not kept, nor what is below.
        stamps: the state of the values at the end of the last run of a session.
        only: the slots whose values are kept; all if None.
    """

    cache: ValueCache
    is_seeded: bool
    keys: dict[Slot, Key] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    edited: frozenset[Slot] = frozenset()
    stamps: dict[Slot, str | None] = field(default_factory=dict)
    only: frozenset[Slot] | None = None

    def keeps(self, slot: Slot) -> bool:
        """Whether values of a slot are kept."""
        return self.only is None or slot in self.only

    def check(self, values: Mapping[Slot, Any]) -> None:
        """Forgets the keys of values that were replaced, or changed in place, since `stamp`."""
        for slot, value in values.items():
            if self.keys.get(slot) is not None:
                stamp = _stamp(value)
                if stamp is None or self.stamps.get(slot) != stamp:
                    del self.keys[slot]

    def fork(self) -> Keeping:
        """The same for a session that continues from this one's values."""
        return replace(self, keys=dict(self.keys), stamps=dict(self.stamps))

    def stamp(self, values: Mapping[Slot, Any]) -> None:
        """Notes the state of values that a later run of the same session starts from."""
        known = [slot for slot in values if self.keys.get(slot) is not None]
        self.stamps = {slot: _stamp(values[slot]) for slot in known}


@dataclass(frozen=True)
class Ways:
    """How the steps of a run are carried out, as far as results depend on it.

    Args:
        nodes: the nodes of the blueprint by path.
        callables: what is called, by path of the module.
        placement: where the nodes are.
        optimized: what inference calls in place of some of them, if it does.
        sets: sets of nodes that engines run, if they do.
    """

    nodes: Mapping[str, Node]
    callables: Mapping[str, Callable[..., Any]]
    placement: Placement
    optimized: OptimizedNodes | None
    sets: EngineSets | None

    def describe(self, step: Step) -> KeyedStep:
        """A step with what its key depends on."""
        if step.members:
            assert self.sets is not None
            way = self.sets.describe_way(step)
            return KeyedStep(step, tuple([self.nodes[path] for path in step.members]), way)
        return KeyedStep(step, (step.node,), self._find_way(step))

    def was_replaced(self, step: Step) -> bool:
        """Whether a step was carried out in another way than its key says, as it happened."""
        return bool(step.members) and self.sets is not None and self.sets.was_replaced(step)

    def _find_way(self, step: Step) -> tuple[Any, ...]:
        if self.optimized is None:
            return ()
        node = None if step.taps else self.optimized.nodes.get(step.node.path)
        said = None if node is None else node.optimization
        return ("optimised", self.optimized.precision, said)


def find_kept(
    plan: Plan,
    values: dict[Slot, Any],
    keeping: Keeping,
    maker: KeyMaker,
    ways: Ways,
    seed: int | None,
) -> tuple[Plan, KeepingObserver]:
    """Puts kept values where a plan would compute them, and leaves out what is not needed then.

    Args:
        plan: the plan.
        values: what is given, by slot; what is kept is added.
        keeping: the cache, and the keys that are known.
        maker: makes keys.
        ways: how the steps are carried out.
        seed: the run's seed.

    Returns:
        The plan of what is left, and the observer that keeps what it computes.
    """
    inputs = {slot.path for slot in keeping.edited}.difference(ways.nodes)
    keeping.keys.update({s: None for s in values if s in keeping.edited or s.path in inputs})
    keyed = [ways.describe(step) for step in plan.steps]
    recording = _find_recording(plan, ways.callables, values)
    maker.add_keys(
        keeping.keys,
        keyed,
        ways.callables,
        values,
        mode=plan.mode,
        placement=ways.placement,
        seed=seed if keeping.is_seeded else None,
        without={
            **dict.fromkeys(recording, "its values have gradients"),
            **dict.fromkeys(keeping.without, "a hook watches it"),
            **(dict.fromkeys(plan.paths, watching) if (watching := find_watching()) else {}),
        },
        edited=keeping.edited,
    )
    needed = {slot for t in plan.targets if not t.tap for slot in t.endpoint.slots}
    targets = frozenset(needed)
    left: list[Step] = []
    for step in reversed(plan.steps):
        wanted = [slot for _, slot in step.keeps if slot in needed]
        if not step.taps and (not wanted or _read(wanted, values, keeping)):
            continue
        left.append(step)
        needed.update(slot for end in step.arguments.values() for slot in end.slots)
    left.reverse()
    shorter = replace(plan, steps=release_after_last_use(left, targets), original=None)
    return shorter, KeepingObserver(keeping, ways, plan.mode, maker.reasons)


def _read(wanted: Sequence[Slot], values: dict[Slot, Any], keeping: Keeping) -> bool:
    """Reads values, if all of them can be; whether they are there."""
    keys = [keeping.keys.get(slot) for slot in wanted]
    if not all(key is not None and key in keeping.cache for key in keys):
        return False
    found = [None if key is None else keeping.cache.find(key) for key in keys]
    if None in found:
        return False
    for slot, value in zip(wanted, found, strict=True):
        assert value is not None
        (values[slot],) = value
    return True


def grads_off(plan: Plan, values: Mapping[Slot, Any]) -> Any:
    """A context without gradients, for inference whose values need none: they are not kept."""
    if plan.mode == "inference" and not carries_gradients([*values.values()]):
        return torch.no_grad()
    return nullcontext()


def _find_recording(
    plan: Plan, callables: Mapping[str, Callable[..., Any]], values: Mapping[Slot, Any]
) -> frozenset[str]:
    """The nodes whose outputs have gradients, which no file keeps."""
    if not torch.is_grad_enabled():
        return frozenset()
    recorded = {slot for slot, value in values.items() if carries_gradients(value)}
    found: set[str] = set()
    for step in plan.steps:
        function = callables.get(step.node.module_path)
        is_trained = isinstance(function, nn.Module) and any(
            parameter.requires_grad
            for _, inner in own_modules(function)
            for parameter in inner.parameters(recurse=False)
        )
        reads = (slot for end in step.arguments.values() for slot in end.slots)
        if is_trained or any(slot in recorded for slot in reads):
            found.add(step.node.path)
            recorded.update(slot for _, slot in step.keeps)
    return frozenset(found)


@contextmanager
def following(keeping: Keeping | None, values: Mapping[Slot, Any]) -> Iterator[None]:
    """Keeps the keys of a session's values true from one run in the `with` block to the next.

    Args:
        keeping: where values are kept, if they are.
        values: those of the session.
    """
    if keeping is None:
        yield
        return
    keeping.check(values)
    try:
        yield
    finally:
        keeping.stamp(values)


def _stamp(value: Any) -> str | None:
    """What changes when somebody replaces a value, or anything in it, by whatever means."""
    digest = ContentDigest(digest_quickly)
    try:
        digest.add(value)
    except UnknownContentError:
        return None
    return digest.hexdigest()


class KeepingObserver:
    """Keeps the outputs of steps that have a key, and whose call had no effect but them.

    Args:
        keeping: the cache and the keys; keys of values that are not kept become None.
        ways: how the steps are carried out.
        mode: the mode.
        reasons: why nodes are not kept, by path; what is found is added.
    """

    shows_values = False

    def __init__(
        self, keeping: Keeping, ways: Ways, mode: Mode, reasons: MutableMapping[str, str]
    ) -> None:
        self._keeping, self._ways, self._mode = keeping, ways, mode
        self._reasons = reasons
        self._before: Any = None

    def before(self, step: Step, arguments: Mapping[str, Any]) -> None:
        """Notes the state that a step may change."""
        del arguments
        self._before = self._find_state(step)

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """Keeps the outputs that somebody needs."""
        keys = self._keeping.keys
        reads = [slot for end in step.arguments.values() for slot in end.slots]
        reason = _EFFECT if self._before != self._find_state(step) else ""
        reason = reason or (_REPLACED if self._ways.was_replaced(step) else "")
        if reason:
            self._reasons[step.node.path] = reason
        if reason or any(keys.get(slot) is None for slot in reads):
            keys.update({slot: None for _, slot in step.keeps})
            return
        function: Any = self._ways.callables.get(step.node.module_path)
        if is_random(step.node, function, self._mode):
            return
        values = list(outputs.values())
        for place, slot in step.keeps:
            if (key := keys.get(slot)) is not None and self._keeping.keeps(slot):
                note = {"node": step.node.path, "port": slot.port, "type": step.node.type_name}
                self._keeping.cache.keep(key, values[place], note)

    def _find_state(self, step: Step) -> tuple[Any, ...]:
        paths = step.members or (step.node.path,)
        modules = [self._ways.nodes[path].module_path for path in paths]
        return find_state([self._ways.callables.get(path) for path in modules])


def find_state(functions: Iterable[Any]) -> tuple[Any, ...]:
    """The state that nodes may change beside giving their outputs.

    Args:
        functions: what they call: attributes, buffers and parameters are part of it.
    """
    modules = [function for function in functions if isinstance(function, nn.Module)]
    state = [describe_state(inner) for module in modules for inner in module.modules()]
    return (state, count_recorded(), *_find_random_states())


def _find_random_states() -> tuple[Any, ...]:
    """The states of the global generators of random numbers."""
    states = [torch.get_rng_state()]
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states += torch.cuda.get_rng_state_all()
    of_numpy = np.random.get_state(legacy=False)["state"]
    # beartype draws from Python's generator to choose what it checks, which changes no value.
    of_python = None if "beartype" in sys.modules else random.getstate()
    return (
        [state.numpy().tobytes() for state in states],
        of_python,
        (of_numpy["key"].tobytes(), of_numpy["pos"]),
    )
