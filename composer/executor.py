"""Runs a plan: a plain loop over its steps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import torch

from composer.blueprint import Endpoint, Node, Plan, Slot, Step, describe_largest
from composer.errors import ExecutionError
from composer.escapes import describe_error
from composer.language import Mode
from composer.layers import call_recomputed
from composer.memory import describe_shortage
from composer.taps import Tapping, is_tapping, without_tapping
from composer.values import describe, describe_entries, move
from composer.worker_death import is_worker_death

_ONE_VALUE = "Expected more than 1 value per channel when training"  # says torch

Values = MutableMapping[Slot, Any]
Callables = Mapping[str, Callable[..., Any]]
Edits = Mapping[Slot, Callable[[Any], Any]]


@dataclass(frozen=True)
class Placement:
    """Where nodes are.

    Args:
        default: device of the graph.
        nodes: devices of the nodes that were placed by themselves, by path.
    """

    default: torch.device = field(default_factory=lambda: torch.device("cpu"))
    nodes: Mapping[str, torch.device] = field(default_factory=dict)

    def of(self, path: str) -> torch.device:
        """The device of a node."""
        return self.nodes.get(path, self.default)


class Substitutes(Protocol):
    """Chooses what nodes call in place of their modules."""

    def choose(
        self, step: Step, function: Callable[..., Any], arguments: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """What a step calls, and with which arguments by input port."""


class Observer(Protocol):
    """Watches a run. It sees every node before and after it runs, and changes nothing.

    One whose `shows_values` is False takes no outputs but those that the plan keeps.
    """

    def before(self, step: Step, arguments: Mapping[str, Any]) -> None:
        """Called with the arguments by input port."""

    def after(self, step: Step, outputs: Mapping[str, Any]) -> None:
        """Called with the outputs by output port."""


def execute(
    plan: Plan,
    callables: Callables,
    values: Values,
    *,
    placement: Placement | None = None,
    seed: int = 0,
    observers: Sequence[Observer] = (),
    release: bool = True,
    substitutes: Substitutes | None = None,
    edits: Edits | None = None,
) -> dict[str, Any]:
    """Runs the steps of a plan.

    Args:
        plan: what to run.
        callables: what to call, by path of the module.
        values: the feeds and inputs by slot; the outputs are put there.
        placement: where the nodes are; values move only if some node has a place of its own.
        seed: the run's seed; a node that draws gets a generator seeded from it and its path.
        observers: who watches.
        release: whether a value goes after its last use.
        substitutes: chooses what nodes call in place of their modules.
        edits: give other values in place of those of some slots, right after these were computed.

    Returns:
        What the taps saw, by `path:module`.

    Raises:
        ExecutionError: if a node fails; it names the node, its cause is the original exception.
    """
    run = partial(
        _execute, plan, callables, values, placement, seed, observers, release, substitutes, edits
    )
    if is_tapping():
        with without_tapping():
            return run()
    return run()


def _execute(
    plan: Plan,
    callables: Callables,
    values: Values,
    placement: Placement | None,
    seed: int,
    observers: Sequence[Observer],
    release: bool,
    substitutes: Substitutes | None,
    edits: Edits | None,
) -> dict[str, Any]:
    placement = placement or Placement()
    observers = tuple(observers)  # one of them may go while it watches
    tapped: dict[str, Any] = {}
    for step in plan.steps:
        node = step.node
        arguments = {port: gather(end, values) for port, end in step.arguments.items()}
        if placement.nodes:
            arguments = move(arguments, placement.of(node.path))
        if observers:
            for observer in observers:
                observer.before(step, arguments)
        if node.draws_in(plan.mode):
            arguments["generator"] = seeded_generator(placement.of(node.path), seed, node.path)
        is_recomputed = node.recompute and plan.mode == "training"
        function: Callable[..., Any] = callables[node.module_path]
        given: Mapping[str, Any] = arguments
        if substitutes is not None:
            function, given = substitutes.choose(step, function, arguments)
        outputs = _call(step, function, given, tapped, is_recomputed)
        if edits:
            outputs = _edit(step, outputs, edits, is_watched=_are_shown(observers))
        for place, slot in step.keeps:
            values[slot] = outputs[place]
        if observers:
            shown = dict(zip(node.outputs, outputs, strict=True))
            for observer in observers:
                observer.after(step, shown)
            del shown
        del arguments, given, outputs
        if release:
            for slot in step.releases:
                values.pop(slot, None)
    return tapped


def _call(
    step: Step,
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    tapped: dict[str, Any],
    is_recomputed: bool,
) -> tuple[Any, ...]:
    """The node's outputs in the order of its ports.

    Raises:
        ExecutionError: if it fails or gives something else.
    """
    node = step.node
    run = partial(call_recomputed, function) if is_recomputed else function
    try:
        if step.taps:
            with Tapping(function, node.path, step.taps, tapped):
                result = run(**arguments)
        else:
            result = run(**arguments)
        if not node.named_outputs:
            return (result,)
        if not isinstance(result, tuple) or len(result) != len(node.outputs):
            raise TypeError(f"it returned {describe(result)} instead of {', '.join(node.outputs)}")
        return result
    except Exception as error:
        if is_worker_death(error):  # which a signal reports in the middle of anything
            raise
        raise _failure(step, arguments, error) from error


def _edit(
    step: Step, outputs: tuple[Any, ...], edits: Edits, *, is_watched: bool
) -> tuple[Any, ...]:
    """The outputs with other values in place of those that are edited, and needed or watched."""
    edited = [*outputs]
    slots = {**(dict(enumerate(step.node.slots)) if is_watched else {}), **dict(step.keeps)}
    for place, slot in slots.items():
        if slot in edits:
            edited[place] = edits[slot](edited[place])
    return tuple(edited)


def _are_shown(observers: Sequence[Observer]) -> bool:
    """Whether someone is shown values that the plan does not need: a keeper leaves edited ones."""
    return any(getattr(observer, "shows_values", True) for observer in observers)


def gather(endpoint: Endpoint, values: Mapping[Slot, Any]) -> Any:
    """The value that an argument or an output stands for."""
    if endpoint.gathers:
        return [values[slot] for slot in endpoint.slots]
    return values[endpoint.slots[0]]


def is_random(node: Node, function: Callable[..., Any], mode: Mode) -> bool:
    """Whether a node draws in a mode: it takes a generator, and its module does not deny it.

    Args:
        node: the node.
        function: what it calls. `draws` of a module says whether it draws in training as it is
            configured.
        mode: the mode.
    """
    return node.draws_in(mode) and getattr(function, "draws", True) is not False


def derive_seed(seed: int, path: str) -> int:
    """The seed of one node: a hash of the run's seed and the node's path (64 bits)."""
    digest = hashlib.blake2b(
        f"{seed}/{path}".encode(errors="surrogatepass"), digest_size=8
    ).digest()
    return int.from_bytes(digest, "little") & 0x7FFF_FFFF_FFFF_FFFF


def seeded_generator(device: torch.device, seed: int, path: str) -> torch.Generator:
    """The generator of one node in one run; meta tensors take one of the CPU."""
    generator = torch.Generator("cpu" if device.type == "meta" else device)
    generator.manual_seed(derive_seed(seed, path))
    return generator


def _failure(step: Step, arguments: Mapping[str, Any], error: Exception) -> ExecutionError:
    shown = {port: value for port, value in arguments.items() if port != "generator"}
    lines = [f"    {port}: {_describe(value)}" for port, value in shown.items()]
    given = "\n".join(["  It was given", *lines]) if lines else "  It was given nothing."
    reason = _explain(step, error)
    message = f"node '{step.node.path}' ({step.node.label}) failed: {reason}\n{given}"
    return ExecutionError(step.node.path, message)


def _explain(step: Step, error: Exception) -> str:
    if shortage := describe_shortage(error):
        return f"{shortage}. {describe_largest(step.node, with_place=True)}".rstrip()
    if isinstance(error, KeyError):
        return f"KeyError: there is no {error} among what it was given"
    if _ONE_VALUE in (reason := describe_error(error)):
        return (
            "batch normalization has a single value per channel, of which there is no variance. "
            "Train on batches of two images or more, or on larger images, or freeze its "
            "normalization."
        )
    return reason


def _describe(value: Any) -> str:
    try:
        return describe_entries(value)
    except Exception:  # what a value says of itself must not hide why the node failed
        return type(value).__name__
