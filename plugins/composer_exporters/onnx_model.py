"""One ONNX model of many nodes: each is translated or traced by itself, and joined by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import onnx
import onnx_ir as ir
import torch
from onnx_ir.passes import common as passes
from onnxscript import GraphBuilder
from torch.utils import _pytree as pytree  # documented for torch.export; there is no other name

from composer.blueprint import Endpoint, Slot, Step
from composer.errors import ExportError
from composer.exporting import Cut, FlatTensor
from composer.exporting.flat_slots import is_per_image
from composer.translation import find_translation
from composer_exporters.onnx_reshapes import allow_no_rows
from composer_exporters.onnx_tracing import describe, trace_node

_IR_VERSION = 10
_DTYPES = {
    torch.float32: ir.DataType.FLOAT,
    torch.float64: ir.DataType.DOUBLE,
    torch.float16: ir.DataType.FLOAT16,
    torch.bfloat16: ir.DataType.BFLOAT16,
    torch.int64: ir.DataType.INT64,
    torch.int32: ir.DataType.INT32,
    torch.int16: ir.DataType.INT16,
    torch.int8: ir.DataType.INT8,
    torch.uint8: ir.DataType.UINT8,
    torch.bool: ir.DataType.BOOL,
}

Values = dict[Slot, Sequence[ir.Value]]


def build_model(cut: Cut, opset: int) -> ir.Model:
    """The nodes of a cut as one model, whose inputs and outputs are the tensors of its slots.

    Raises:
        ExportError: a node cannot be exported.
    """
    graph = ir.Graph([], [], nodes=[], opset_imports={"": opset}, name="composer")
    builder = GraphBuilder(graph)
    values: Values = {}
    for flat in cut.entering:
        values[flat.slot] = [_make_input(builder, tensor, flat.scale) for tensor in flat.tensors]
    shared: dict[bytes, ir.Value] = {}
    for step in cut.steps:
        if (found := _translate(builder, cut, step, values)) is None:
            found = _trace(graph, cut, step, values, opset, shared)
        values.update(found)
    given = {id(value) for entering in cut.entering_slots for value in values[entering]}
    for flat in cut.leaving:
        for tensor, value in zip(flat.tensors, values[flat.slot], strict=True):
            if id(value) in given:  # a value has one name only
                value = builder.op.Identity(value)
            _describe_value(value, tensor)
            given.add(id(value))
            graph.outputs.append(value)
    model = ir.Model(graph, ir_version=_IR_VERSION, producer_name="detection-composer")
    for each in (passes.IdentityEliminationPass(), passes.RemoveUnusedNodesPass()):
        model = each(model).model
    for value in list(model.graph.inputs):
        if not value.uses() and not value.is_graph_output():
            model.graph.inputs.remove(value)
    return passes.NameFixPass()(model).model


def _make_input(builder: GraphBuilder, tensor: FlatTensor, scale: float | None) -> ir.Value:
    """An input of the file; of images as bytes, those times their scale."""
    made = builder.input(tensor.name, dtype=_find_dtype(tensor), shape=list(tensor.shape))
    if scale is None:
        return made
    op, floating = builder.op, ir.DataType.FLOAT
    scaled = op.Mul(op.Cast(made, to=floating), op.Constant(value_float=scale))
    scaled.type, scaled.shape = ir.TensorType(floating), ir.Shape(tensor.shape)
    return scaled


def _describe_value(value: ir.Value, tensor: FlatTensor) -> None:
    value.name = tensor.name
    value.type = ir.TensorType(_find_dtype(tensor))
    value.shape = ir.Shape(tensor.shape)


def _find_dtype(tensor: FlatTensor) -> ir.DataType:
    if tensor.dtype not in _DTYPES:
        raise ExportError(f"'{tensor.name}' is {tensor.dtype}, which ONNX files do not have")
    return _DTYPES[tensor.dtype]


def _translate(builder: GraphBuilder, cut: Cut, step: Step, values: Values) -> Values | None:
    """The outputs of a node by its own translation; None if its node type publishes none.

    Raises:
        ExportError: the translation fails.
    """
    node = step.node
    assert node.contract is not None
    translation = find_translation(node.contract.target)
    if translation is None:
        return None
    made = cut.callables[node.module_path]
    subject = made if node.is_module else SimpleNamespace(**node.config)
    inputs = {port: _gather(cut, end, values) for port, end in step.arguments.items()}
    builder.push_module(node.path)
    try:
        with _arithmetic(builder):
            outputs = translation(builder.op, subject, **inputs)
    except Exception as error:
        raise ExportError(f"{describe(step)} cannot be exported to ONNX: {error}") from error
    finally:
        builder.pop_module()
    return _name_outputs(cut, step, pytree.tree_leaves(outputs))


def _gather(cut: Cut, end: Endpoint, values: Values) -> Any:
    made = [cut.flat(slot).unflatten(values[slot]) for slot in end.slots]
    return made if end.gathers else made[0]


def _name_outputs(cut: Cut, step: Step, found: Sequence[ir.Value]) -> Values:
    """The values of a node's ports, in order, with the names of the slots' tensors."""
    left, named = iter(found), Values()
    for slot in step.node.slots:
        if slot not in cut.known:
            break
        tensors = cut.flat(slot).tensors
        own = [value for _, value in zip(tensors, left, strict=False)]
        if len(own) != len(tensors):
            raise ExportError(
                f"the translation of {describe(step)} gives too few values for '{slot}'"
            )
        for tensor, value in zip(tensors, own, strict=True):
            value.type = value.type or ir.TensorType(_find_dtype(tensor))
            value.shape = ir.Shape(tensor.shape)
        named[slot] = own
    return named


@contextmanager
def _arithmetic(builder: GraphBuilder) -> Iterator[None]:
    """Lets values be added, subtracted, multiplied and divided with Python's operators."""
    before = ir.set_value_magic_handler(builder.op)
    try:
        yield
    finally:
        ir.set_value_magic_handler(before)


def _trace(
    graph: ir.Graph,
    cut: Cut,
    step: Step,
    values: Values,
    opset: int,
    shared: dict[bytes, ir.Value],
) -> Values:
    """The outputs of a node whose module is traced.

    Raises:
        ExportError: it works on lists of images and has no translation, or cannot be traced.
    """
    _require_tensors(cut, step)
    content, outputs = trace_node(cut, step, opset)
    inner = ir.from_proto(onnx.load_from_string(content)).graph
    slots = {slot for end in step.arguments.values() for slot in end.slots}
    known = _by_name(cut, slots, values)
    for place in inner.inputs:  # inputs that nothing reads are left out of a trace
        ir.convenience.replace_all_uses_with(place, known[place.name or ""])
    found = list(inner.outputs)
    inner.outputs.clear()
    allow_no_rows(inner)
    _move_initializers(graph, inner, step.node.path, shared)
    for operation in list(inner):
        inner.remove(operation)
        for value in operation.outputs:
            value.name, value.shape = f"{step.node.path}/{value.name}", None  # of the example
        operation.name = f"{step.node.path}/{operation.name}"
        graph.append(operation)
    passed = {place: known[place.name or ""] for place in inner.inputs}
    by_name = {name: passed.get(value, value) for name, value in zip(outputs, found, strict=True)}
    made: Values = {}
    for _, slot in step.keeps:
        made[slot] = [by_name[tensor.name] for tensor in cut.flat(slot).tensors]
        for tensor, value in zip(cut.flat(slot).tensors, made[slot], strict=True):
            value.shape = ir.Shape(tensor.shape)
    return made


def _require_tensors(cut: Cut, step: Step) -> None:
    slots = [slot for end in step.arguments.values() for slot in end.slots]
    for slot in (*slots, *(slot for _, slot in step.keeps)):
        if is_per_image(cut.dependencies.type_of(slot)):
            raise ExportError(
                f"{describe(step)} cannot be exported to ONNX: '{slot}' is a list of an item an "
                "image, and its node type publishes no translation. Leave the node out: --until a "
                "node before it, or --feed it."
            )


def _by_name(cut: Cut, slots: Iterable[Slot], values: Values) -> Mapping[str, ir.Value]:
    return {
        tensor.name: value
        for slot in slots
        for tensor, value in zip(cut.flat(slot).tensors, values[slot], strict=True)
    }


def _move_initializers(
    graph: ir.Graph, inner: ir.Graph, path: str, shared: dict[bytes, ir.Value]
) -> None:
    """Moves weights into the graph; a module that is called twice has its weights once."""
    for name, value in list(inner.initializers.items()):
        del inner.initializers[name]
        tensor = value.const_value
        assert tensor is not None
        content = f"{tensor.dtype}{tensor.shape}".encode() + tensor.tobytes()
        key = hashlib.sha256(content).digest()
        if key in shared:
            ir.convenience.replace_all_uses_with(value, shared[key])
            continue
        value.name = f"{path}/{name}"
        shared[key] = value
        graph.register_initializer(value)
