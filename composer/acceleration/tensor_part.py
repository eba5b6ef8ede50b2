"""A set of nodes as a module of tensors, which compilers and exporters take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from traceback import walk_tb
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree  # documented for torch.export; there is no other name

from composer.acceleration.value_layout import TensorPort, record_layout
from composer.blueprint import Dependencies, Node, Slot
from composer.dag import order
from composer.executor import gather, seeded_generator
from composer.layers import EnginePart, EngineTensor
from composer.structures import iterate_tensors

_SHARED = ("batch", "regions")  # numbers that all tensors of a part have in common
_COUNTS = (*_SHARED, "rows")
_SHAPE_READERS = ("shape", "ndim", "dtype", "device", "size", "dim", "__len__", "is_nested")


class TensorPart(nn.Module):
    """Some nodes of a graph, as a module whose inputs and outputs are tensors with names.

    `forward` takes the tensors of the slots that enter, in the order of `inputs.ports`, and gives
    those of the slots that leave, in the order of `outputs.ports`. The modules of the nodes are
    shared with the graph.

    Args:
        dependencies: the nodes and slots of one mode.
        paths: the nodes.
        callables: what to call, by path of the module.
        examples: an example of the value of each slot that enters, at least.
        leaving: the slots that leave; by default those that nodes outside take.

    Attributes:
        nodes: the nodes in the order in which they run.
        entering: the slots that enter.
        leaving: the slots that leave.
        inputs: how their values are made of tensors.
        outputs: the same of the slots that leave.

    Raises:
        LayoutError: if what enters or leaves holds no tensor.
    """

    def __init__(
        self,
        dependencies: Dependencies,
        paths: Collection[str],
        callables: Mapping[str, Callable[..., Any]],
        examples: Mapping[Slot, Any],
        leaving: Sequence[Slot] | None = None,
    ) -> None:
        super().__init__()
        self.training = False  # tracers put the nodes back into the mode of the whole
        self.nodes = order_nodes(dependencies, paths)
        self._callables = {n.module_path: callables[n.module_path] for n in self.nodes}
        for path, function in self._callables.items():
            if isinstance(function, nn.Module):
                self.add_module(path.replace(".", "__"), function)
        self.entering = find_entering(dependencies, paths)
        self.leaving = find_leaving(dependencies, paths) if leaving is None else tuple(leaving)
        types = {slot: dependencies.type_of(slot) for slot in self.leaving}
        types |= {slot: find_type(dependencies, self.nodes, slot) for slot in self.entering}
        given = {slot: examples[slot] for slot in self.entering}
        self.inputs = record_layout(given, types)
        tensors = self.inputs.flatten(given)
        with torch.no_grad(), _Readings() as readings:
            found = self.compute(self.inputs.unflatten(tensors))
        left = {slot: found[slot] for slot in self.leaving}
        readings.note(left)
        named = zip(self.inputs.names, tensors, strict=True)
        is_read = [name for name, tensor in named if id(tensor) in readings.read]
        self.inputs = self.inputs.without_unread_sizes(is_read)
        self.outputs = record_layout(left, types)

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """What the nodes call."""
        return tuple(self._callables.values())

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Computes the tensors that leave from those that enter."""
        return self.outputs.flatten(self.compute(self.inputs.unflatten(tensors)))

    def compute(self, values: Mapping[Slot, Any]) -> dict[Slot, Any]:
        """Runs the nodes one after the other.

        Args:
            values: the values of the slots that enter.

        Returns:
            Those and the values of all slots of the nodes.
        """
        return compute_nodes(self.nodes, self._callables, values)

    def widen(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Repeats images and regions until there are two at least.

        A tracer takes a number of one for a constant.

        Args:
            tensors: an example of the tensors that enter.
        """
        ports = zip(self.inputs.ports, tensors, strict=True)
        counted = {
            (d.meaning if d.meaning in _SHARED else port.name): tensor.shape[d.axis]
            for port, tensor in ports
            for d in port.dynamic
            if d.meaning in _COUNTS
        }
        widened = []
        for port, tensor in zip(self.inputs.ports, tensors, strict=True):
            for dimension in port.dynamic:
                key = dimension.meaning if dimension.meaning in _SHARED else port.name
                if counted.get(key, 2) < 2 and dimension.meaning in _COUNTS:
                    tensor = _repeat(tensor, dimension.axis)
            widened.append(tensor)
        return tuple(widened)

    def show(self, tensors: Sequence[Tensor]) -> EnginePart:
        """The nodes as engines and exporters get them.

        Args:
            tensors: an example of the tensors that enter.
        """
        inputs, outputs = (
            tuple([_show_port(port) for port in layout.ports])
            for layout in (self.inputs, self.outputs)
        )
        examples = tuple([tensor.contiguous() for tensor in self.widen(tensors)])
        return EnginePart(self, inputs, outputs, examples)


def _show_port(port: TensorPort) -> EngineTensor:
    return EngineTensor(port.name, port.dtype, {d.axis: d.meaning for d in port.dynamic})


class _Readings(TorchFunctionMode):
    """Notes which tensors are read: more than their shape is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[int] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        owner = getattr(getattr(func, "__self__", None), "__name__", "")  # of a getter
        if name not in _SHAPE_READERS and owner not in _SHAPE_READERS:
            self.note((args, kwargs or {}))
        return func(*args, **(kwargs or {}))

    def note(self, value: Any) -> None:
        """Notes the tensors in a value."""
        self.read.update(id(tensor) for tensor in pytree.tree_leaves(value))


def compute_nodes(
    nodes: Sequence[Node], callables: Mapping[str, Callable[..., Any]], values: Mapping[Slot, Any]
) -> dict[Slot, Any]:
    """Runs nodes one after the other in inference; those that draw, with the seed 0.

    Args:
        nodes: the nodes in order.
        callables: what to call, by path of the module.
        values: the values of the slots that enter.

    Returns:
        Those and the values of all slots of the nodes.
    """
    known = dict(values)
    for node in nodes:
        ends = node.arguments["inference"].items()
        arguments = {port: gather(end, known) for port, end in ends}
        if node.draws_in("inference"):
            device = next((each.device for each in iterate_tensors(arguments)), torch.device("cpu"))
            arguments["generator"] = seeded_generator(device, 0, node.path)
        result = callables[node.module_path](**arguments)
        known.update(zip(node.slots, result if node.named_outputs else (result,), strict=True))
    return known


def find_failing_node(error: BaseException) -> str:
    """The path of the node in which `compute_nodes` failed, or a tracer of it; else an empty text.

    Args:
        error: what was raised, maybe by a tracer because of it.
    """
    cause: BaseException | None = error
    found = ""
    while cause is not None:
        for frame, _ in walk_tb(cause.__traceback__):
            if frame.f_code is compute_nodes.__code__:
                found = frame.f_locals["node"].path
        cause = cause.__cause__ or cause.__context__
    return found


def order_nodes(dependencies: Dependencies, paths: Collection[str]) -> tuple[Node, ...]:
    """Some nodes in the order in which they run.

    Args:
        dependencies: the nodes and slots of their mode.
        paths: their paths.
    """
    graph = dependencies.graph
    wanted = set(paths)
    inner = wanted | {slot for path in wanted for slot in dependencies.nodes[path].slots}
    ordered = order(graph, inner, dependencies.rank)
    return tuple([dependencies.nodes[path] for path in ordered if isinstance(path, str)])


def find_type(dependencies: Dependencies, nodes: Sequence[Node], slot: Slot) -> Any:
    """The type of a slot; of one that takes anything, that of the first port that it enters.

    Args:
        dependencies: the nodes and slots of their mode.
        nodes: the nodes that may take it.
        slot: the slot.
    """
    if (kind := dependencies.type_of(slot)) is not Any:
        return kind
    for node in nodes:
        for port, argument in node.arguments[dependencies.mode].items():
            if argument.slots == (slot,) and not argument.gathers and node.contract is not None:
                return node.contract.inputs[port].type
    return kind


def find_entering(dependencies: Dependencies, paths: Collection[str]) -> tuple[Slot, ...]:
    """The slots that some nodes take from outside, in the order in which they are taken.

    Args:
        dependencies: the nodes and slots of their mode.
        paths: the nodes.
    """
    within, found = set(paths), {}
    for node in order_nodes(dependencies, paths):
        for argument in node.arguments[dependencies.mode].values():
            found.update(dict.fromkeys(s for s in argument.slots if s.path not in within))
    return tuple(found)


def find_leaving(
    dependencies: Dependencies, paths: Collection[str], outputs: Collection[Slot] = ()
) -> tuple[Slot, ...]:
    """The slots of some nodes that others take; of nodes that nobody follows, all.

    Args:
        dependencies: the nodes and slots of their mode.
        paths: the nodes.
        outputs: slots that leave whoever takes them, such as outputs of the graph.
    """
    within, graph, found = set(paths), dependencies.graph, []
    for node in order_nodes(dependencies, paths):
        followers = [set(graph.successors(slot)) for slot in node.slots]
        is_last = not any(followers)
        for slot, after in zip(node.slots, followers, strict=True):
            if is_last or slot in outputs or after - within:
                found.append(slot)
    return tuple(found)


def _repeat(tensor: Tensor, index: int) -> Tensor:
    shape = list(tensor.shape)
    if shape[index]:
        return torch.cat([tensor, tensor], index)
    shape[index] = 2
    return tensor.new_zeros(shape)
