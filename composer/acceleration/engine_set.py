"""A set of nodes on an engine: compiled at its first run, and again when its weights change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from composer.acceleration.compiled_cache import CompiledCache
from composer.acceleration.compiled_key import describe_entry, make_key
from composer.acceleration.engines import NamedEngine
from composer.acceleration.fused_plan import FusibleSet, endpoints_of
from composer.acceleration.small_examples import shrink_examples, vary_sizes
from composer.acceleration.tensor_part import (
    TensorPart,
    compute_nodes,
    find_entering,
    find_failing_node,
    find_leaving,
    find_type,
    order_nodes,
)
from composer.acceleration.value_layout import LayoutError
from composer.acceleration.weight_fingerprint import Fingerprint, take_fingerprint
from composer.blueprint import Dependencies, Node, Slot, Step
from composer.errors import ExecutionError
from composer.escapes import describe_error
from composer.layers import Compiled, EnginePart
from composer.node import Contract, InputPort

_TOLERANCES = {"float32": 2e-3, "bfloat16": 0.25, "int8": 0.5}  # of the largest value
_MAX_REASON = 400  # characters of what an engine says; compilers say pages
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calibration:
    """What a set is quantised on.

    Args:
        digest: a hash of the images.
        values: the values that entered the set for each of them.
    """

    digest: str
    values: Sequence[Mapping[Slot, Any]]


class _State(NamedTuple):
    fingerprint: Fingerprint
    part: TensorPart
    run: Compiled | None
    failure: str


@dataclass(eq=False)
class EngineSet:
    """A set of nodes that an engine runs.

    Args:
        dependencies: the nodes and slots of inference.
        paths: the nodes in order.
        engine: the engine.
        precision: the precision.
        outputs: slots that leave the graph.
        cache: where compiled sets are kept.
        calibration: what it is quantised on.
        is_required: whether a failure to compile is an error, else PyTorch runs the nodes.
    """

    dependencies: Dependencies
    paths: tuple[str, ...]
    engine: NamedEngine
    precision: str
    outputs: frozenset[Slot]
    cache: CompiledCache
    calibration: Calibration | None = None
    is_required: bool = False
    num_compiled: int = field(default=0, init=False)
    _state: _State | None = field(default=None, init=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)
    _last: Any = field(default_factory=threading.local, init=False, repr=False)

    def __post_init__(self) -> None:
        self.entering = find_entering(self.dependencies, self.paths)
        self.leaving = find_leaving(self.dependencies, self.paths, self.outputs)

    @property
    def name(self) -> str:
        """What a plan calls it: its nodes."""
        if len(self.paths) <= 3:
            return "+".join(self.paths)
        return f"{self.paths[0]}+..+{self.paths[-1]}"

    @property
    def key(self) -> str:
        """What finds it among the modules of nodes; no path begins so."""
        return f"+{self.paths[0]}"

    @property
    def label(self) -> str:
        """The engine and the precision."""
        return f"{self.engine.name} {self.precision}"

    @property
    def failure(self) -> str:
        """Why the engine does not run it; an empty text if it does, or was not asked yet."""
        return "" if self._state is None else self._state.failure

    @property
    def was_replaced(self) -> bool:
        """Whether PyTorch ran the nodes of this thread's last run, and another run may not do so.

        That of no regions, which no engine runs, is none of these.
        """
        return getattr(self._last, "was_replaced", False)

    def within(self, dependencies: Dependencies, outputs: frozenset[Slot]) -> EngineSet:
        """The same set in a part of the graph.

        Args:
            dependencies: the nodes and slots of the part.
            outputs: slots that leave the part.
        """
        made = replace(self, dependencies=dependencies, outputs=outputs)
        if (made.entering, made.leaving) == (self.entering, self.leaving):
            made._state = self._state
        return made

    def fusible(self) -> FusibleSet:
        """What a plan needs to run the set as one step."""
        type_of = self.dependencies.type_of
        contract = Contract(
            target=self.run,
            is_module=False,
            config=BaseModel,
            shapes={},
            inputs={str(s): InputPort(str(s), type_of(s), False) for s in self.entering},
            outputs={str(slot): type_of(slot) for slot in self.leaving},
            named_outputs=True,
            takes_generator=False,
            draws_in_inference=False,
            doc="",
        )
        arguments = endpoints_of(self.entering)
        node = Node(
            self.name,
            self.label,
            arguments={"inference": arguments},
            label=self.engine.label,
            contract=contract,
            same_as=self.key,
        )
        note = f"by {self.label}, as one: {', '.join(self.paths)}"
        return FusibleSet(Step(node, arguments, (), ()), self.paths, self.leaving, note)

    def run(self, functions: Mapping[str, Callable[..., Any]], values: Mapping[str, Any]) -> Any:
        """The values that leave, in order.

        PyTorch computes them where the engine cannot: of no regions, of values that are made of
        other parts than those of its first run, and on another device.

        Args:
            functions: what nodes call, by path of the module.
            values: the values that enter, by name of the slot.

        Raises:
            ExecutionError: the engine failed.
        """
        given = {slot: values[str(slot)] for slot in self.entering}
        state = self._prepare(functions, given)
        tensors = None if state is None or state.run is None else _flatten(state, given)
        self._last.was_replaced = tensors is None
        if state is None or state.run is None or tensors is None or not self._takes(tensors):
            return self.compute(functions, values)
        try:
            with torch.no_grad():  # programs assume one layout
                found = state.run(*[tensor.contiguous() for tensor in tensors])
        except Exception as error:
            reason = f"the engine '{self.engine.name}' failed: {describe_error(error)}"
            raise ExecutionError(self.paths[0], reason) from error
        left = state.part.outputs.unflatten(tuple(found))
        return tuple([left[slot] for slot in self.leaving])

    def compute(
        self, functions: Mapping[str, Callable[..., Any]], values: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """The values that leave as PyTorch computes them: see `run`."""
        nodes = order_nodes(self.dependencies, self.paths)
        known = compute_nodes(nodes, functions, {s: values[str(s)] for s in self.entering})
        return tuple([known[slot] for slot in self.leaving])

    def _takes(self, tensors: Sequence[Tensor]) -> bool:
        devices = self.engine.engine.devices
        return all(tensor.device.type in devices and tensor.numel() for tensor in tensors)

    def _prepare(
        self, functions: Mapping[str, Callable[..., Any]], given: Mapping[Slot, Any]
    ) -> _State | None:
        """The set as it is compiled; None where hooks watch its modules."""
        with self._lock:
            called = [functions[self.dependencies.nodes[p].module_path] for p in self.paths]
            fingerprint = _take_fingerprints(called)
            if fingerprint is None:
                return None
            if self._state is None or self._state.fingerprint != fingerprint:
                with _disable_current_modes():  # a watch on memory would be traced, too
                    self._state = self._compile(functions, given, fingerprint)
            return self._state

    def _compile(
        self,
        functions: Mapping[str, Callable[..., Any]],
        given: Mapping[Slot, Any],
        fingerprint: Fingerprint,
    ) -> _State:
        part, example = self._make_part(functions, given)
        shown = part.show(part.inputs.flatten(example))
        try:
            run = self._load(part, shown)
            tolerance = _TOLERANCES.get(self.precision, max(_TOLERANCES.values()))
            _compare(part, shown, shown.examples, run, tolerance)
            if others := _find_others(part, shown):
                _compare(part, shown, others, run, tolerance)
        except Exception as error:
            reason = f"{describe_error(error):.{_MAX_REASON}}"
            if len(self.paths) > 1 and (path := find_failing_node(error)):
                reason = f"at {path}, {reason}"
            message = f"the engine '{self.engine.name}' cannot take {', '.join(self.paths)}: "
            if self.is_required:
                raise ExecutionError(self.paths[0], message + reason) from error
            _LOGGER.warning("note: %s%s. PyTorch runs them.", message, reason.rstrip("."))
            return _State(fingerprint, part, None, reason)
        return _State(fingerprint, part, run, "")

    def _make_part(
        self, functions: Mapping[str, Callable[..., Any]], given: Mapping[Slot, Any]
    ) -> tuple[TensorPart, Mapping[Slot, Any]]:
        """The part and its example, which is a small one where its nodes run on such."""
        nodes = order_nodes(self.dependencies, self.paths)
        types = {slot: find_type(self.dependencies, nodes, slot) for slot in self.entering}
        for example in (shrink_examples(given, types), given):
            try:
                if example is not None:
                    made = TensorPart(
                        self.dependencies, self.paths, functions, example, self.leaving
                    )
                    return made, example
            except Exception:
                if example is given:
                    raise
        raise AssertionError("the second example always makes a part or fails")

    def _load(self, part: TensorPart, shown: EnginePart) -> Compiled:
        engine = self.engine.engine
        entry = describe_entry(
            part, shown, self.engine.name, engine.describe_version(), self.precision
        )
        digest = "" if self.calibration is None else self.calibration.digest
        key = make_key(entry, [*part.parameters(), *part.buffers()], digest)
        if (folder := self.cache.find(key)) is not None:
            return engine.load(folder, shown, self.precision)
        samples = [] if self.calibration is None else self.calibration.values
        with self.cache.written(key, entry) as place:
            flat = [part.inputs.flatten(values) for values in samples]
            engine.compile(shown, self.precision, flat, place[0])
            self.num_compiled += 1
        return engine.load(place[0], shown, self.precision)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_state": None, "_lock": None, "_last": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _last=threading.local())


def _flatten(state: _State, given: Mapping[Slot, Any]) -> tuple[Tensor, ...] | None:
    """The tensors that enter; None if values are made of other parts than those of the example."""
    try:
        return state.part.inputs.flatten(given)
    except LayoutError:
        return None


def _find_others(part: TensorPart, shown: EnginePart) -> tuple[Tensor, ...] | None:
    """An example of other sizes, if there is one that the nodes take."""
    others = vary_sizes(shown.examples, part.inputs.ports)
    try:
        with torch.no_grad():
            return None if others is None or not part(*others) else others
    except Exception:  # sizes that belong together were changed apart
        return None


def _compare(
    part: TensorPart,
    shown: EnginePart,
    examples: Sequence[Tensor],
    run: Compiled,
    tolerance: float,
) -> None:
    """Makes sure that a compiled set computes what the nodes do on an example.

    The tensors of a port are measured by the largest value among them: on a small example, a
    level of a pyramid can have nearly none.

    Raises:
        ValueError: if it does not.
    """
    with torch.no_grad():
        found, wanted = run(*examples), shown.module(*examples)
    slots = [port.slot for port in part.outputs.ports]
    largest = dict.fromkeys(slots, 1e-6)
    for slot, exact in zip(slots, wanted, strict=True):
        largest[slot] = max(largest[slot], _find_largest(exact))
    for slot, port, given, exact in zip(slots, shown.outputs, found, wanted, strict=True):
        if given.shape != exact.shape:
            shapes = f"{tuple(given.shape)} instead of {tuple(exact.shape)}"
            raise ValueError(f"it gives '{port.name}' the shape {shapes}")
        error = _find_largest(given.float() - exact.float())
        if not error <= tolerance * largest[slot]:
            raise ValueError(f"'{port.name}' is off by {error:.3g}, of at most {largest[slot]:.3g}")


def _find_largest(tensor: Tensor) -> float:
    return float(tensor.float().abs().max()) if tensor.numel() else 0.0


def _take_fingerprints(functions: Sequence[Callable[..., Any]]) -> Fingerprint | None:
    """Identifies what is called, with its weights as they are now; None if hooks watch it."""
    found: list[Any] = []
    for function in functions:
        own = take_fingerprint(function) if isinstance(function, nn.Module) else (id(function),)
        if own is None:
            return None
        found.append(own)
    return tuple(found)
