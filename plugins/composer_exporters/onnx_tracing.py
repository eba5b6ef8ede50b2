"""Nodes of tensors in ONNX, by tracing their modules.

Each node is traced by itself: a trace has no guards, so that any batch, size and number of regions
goes through it, and a node that decides by a size is found by the check on a second one.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.onnx import register_custom_op_symbolic  # type: ignore[attr-defined]
from torch.onnx.symbolic_helper import parse_args

from composer.acceleration import LayoutError, TensorPart
from composer.blueprint import Slot, Step
from composer.errors import ExportError
from composer.exporting import Cut
from composer.layers import NormDeformConv2d
from composer.translation import without_tracer_log

_DEFORMABLE, _NEEDED = "torchvision::deform_conv2d", 19  # the first opset that has it
_OPERATOR = re.compile(r"'?((?!prim::)\w+::\w+)'?")
_DRAWN = "Generator = prim::Constant"


def trace_node(cut: Cut, step: Step, opset: int) -> tuple[bytes, Sequence[str]]:
    """One node as an ONNX model.

    Args:
        cut: what is exported.
        step: the node.
        opset: the version of the operators.

    Returns:
        The model, and the names of its outputs. They and those of its inputs are the names of the
        slots' tensors.

    Raises:
        ExportError: it cannot be traced; the message names the node and the operation.
    """
    node = step.node
    slots = [slot for _, slot in step.keeps]
    try:
        part = TensorPart(
            cut.dependencies, [node.path], cut.callables, cut.examples[0], leaving=slots
        )
        entering = {slot: cut.examples[0][slot] for slot in part.entering}
        tensors = part.widen(part.inputs.flatten(entering))
    except LayoutError as error:
        raise ExportError(f"{describe(step)} cannot be exported to ONNX: {error}") from error
    except Exception as error:  # the node fails without the graph around it
        raise ExportError(_explain(step, error, opset)) from error
    inputs, outputs = part.inputs.names, part.outputs.names
    shapes = _shapes(cut, [*part.entering, *slots])
    axes = {name: _dynamic_axes(shapes[name]) for name in (*inputs, *outputs) if name in shapes}
    buffer: Any = io.BytesIO()
    try:
        with torch.no_grad(), without_tracer_log(), warnings.catch_warnings():
            register_custom_op_symbolic(_DEFORMABLE, _translate_deformable, _NEEDED)
            warnings.simplefilter("ignore")  # of the tracer: the check is what counts
            torch.onnx.export(
                part.eval(),
                tensors,
                buffer,
                dynamo=False,
                opset_version=opset,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_axes=axes,
            )
    except Exception as error:
        raise ExportError(_explain(step, error, opset)) from error
    return buffer.getvalue(), outputs


def find_opset(functions: Iterable[Any], default: int) -> int:
    """The version of the operators that modules need.

    Args:
        functions: what nodes call.
        default: the least version.
    """
    is_deformable = any(
        isinstance(module, NormDeformConv2d)
        for function in functions
        if isinstance(function, torch.nn.Module)
        for module in function.modules()
    )
    return max(default, _NEEDED) if is_deformable else default


@parse_args("v", "v", "v", "v", "v", *"i" * 9)
def _translate_deformable(
    graph: Any,
    x: Any,
    weight: Any,
    offset: Any,
    mask: Any,
    bias: Any,
    down: int,
    right: int,
    top: int,
    left: int,
    by_row: int,
    by_column: int,
    groups: int,
    offset_groups: int,
    is_masked: int,
) -> Any:
    """The deformable convolution, whose operands ONNX has in another order."""
    operands = [x, weight, offset, bias, mask] if is_masked else [x, weight, offset, bias]
    return graph.op(
        "DeformConv",
        *operands,
        strides_i=[down, right],
        pads_i=[top, left, top, left],
        dilations_i=[by_row, by_column],
        group_i=groups,
        offset_group_i=offset_groups,
    )


def describe(step: Step) -> str:
    """The node for messages: `node 'backbone.fpn' (composer-fpn ...)`."""
    return f"node '{step.node.path}' ({step.node.label or step.node.uses})"


def _explain(step: Step, error: Exception, opset: int) -> str:
    """Says which node and which operation have no form in ONNX."""
    text = " ".join(str(error).split())
    found = _OPERATOR.search(text)
    if found and found.group(1) == _DEFORMABLE and opset < _NEEDED:
        return (
            f"{describe(step)} cannot be exported to ONNX: the operation {_DEFORMABLE} has a form "
            f"from --opset {_NEEDED} on, not in {opset}."
        )
    if _DRAWN in text:
        operation = "it draws random numbers in inference"
    else:
        operation = f"the operation {found.group(1)} has none" if found else f"{text:.300}"
    return (
        f"{describe(step)} cannot be exported to ONNX: {operation}. Leave the node out (--until a "
        "node before it, or --feed it), or let its node type publish a translation."
    )


def _shapes(cut: Cut, slots: Sequence[Slot]) -> Mapping[str, Sequence[Any]]:
    return {tensor.name: tensor.shape for slot in slots for tensor in cut.flat(slot).tensors}


def _dynamic_axes(shape: Sequence[Any]) -> dict[int, str]:
    return {axis: side for axis, side in enumerate(shape) if isinstance(side, str)}
