"""Changes of shape in traces, so that they take images without regions.

`Reshape` finds the length of one dimension, -1, by division, which is not possible for no rows if
another one is copied, 0: torch's normalisation of groups is written so.
"""

from __future__ import annotations

import math

import onnx_ir as ir


def allow_no_rows(graph: ir.Graph) -> None:
    """Writes out the shapes that copy the first dimensions and leave one other to be found.

    Args:
        graph: the trace of a node, which is changed.
    """
    for node in list(graph):
        if node.op_type != "Reshape" or node.domain:
            continue
        wanted = ir.convenience.get_const_tensor(node.inputs[1]) if node.inputs[1] else None
        shape = [] if wanted is None else wanted.numpy().tolist()
        copied = next((i for i, side in enumerate(shape) if side), 0)
        if copied and shape.count(-1) == 1 and 0 not in shape[copied:]:
            _write_out(graph, node, shape[copied:], copied)


def _write_out(graph: ir.Graph, node: ir.Node, sides: list[int], copied: int) -> None:
    """Computes the missing side from those of a row, which are there without rows, too."""
    from onnxscript import GraphBuilder

    made = ir.Graph([], [], nodes=[], opset_imports=dict(graph.opset_imports))
    op = GraphBuilder(made).op
    value, place = node.inputs[0], sides.index(-1)
    own = op.ReduceProd(op.Shape(value, start=copied), keepdims=1)
    parts = [op.Shape(value, start=0, end=copied)]
    parts += [op.Constant(value_ints=sides[:place])] if place else []
    parts.append(op.Div(own, op.Constant(value_ints=[-math.prod(sides)])))
    parts += [op.Constant(value_ints=sides[place + 1 :])] if sides[place + 1 :] else []
    shape = op.Concat(*parts, axis=0)
    added = list(made)
    made.remove(added)
    graph.insert_before(node, added)
    node.replace_input_with(1, shape)
    node.attributes["allowzero"] = ir.AttrInt64("allowzero", 1)
