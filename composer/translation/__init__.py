"""What node types say in ONNX: translations, and the steps that several of them share.

A translation is a function `translate(op, node, **inputs)`. `op` is the builder of onnxscript,
whose methods are ONNX's operators (`op.Concat(a, b, axis=0)`); values can be added, subtracted,
multiplied and divided with Python's operators. `node` has the node's configuration: the module
itself, or the configuration of a function as attributes. Inputs are those of the node, of one
image, as they are made elsewhere (`images.tensor`, `boxes[0].tensor`, `features["p2"]`), with
values of ONNX in place of tensors. It returns the outputs in the order of the ports, each a value,
or values in the order in which the port's tensors come.

Nothing here imports onnx: a plugin publishes a translation without depending on it.
"""

from composer.translation.boxes_in_onnx import (
    clip_boxes,
    decode_box_deltas,
    decode_edge_distances,
    find_finite_rows,
    get_sides,
)
from composer.translation.loops_in_onnx import BOOL, DOUBLE, FLOAT, INT32, INT64, build_body
from composer.translation.pasting_in_onnx import paste_in_onnx, weigh_cells
from composer.translation.publishing import Translation, Value, find_translation, translated_by
from composer.translation.selection_in_onnx import (
    find_rows,
    keep_best,
    list_cells,
    num_rows,
    pick_rows,
    suppress_boxes,
)
from composer.translation.tracing_log import without_tracer_log

__all__ = [
    "BOOL",
    "DOUBLE",
    "FLOAT",
    "INT32",
    "INT64",
    "Translation",
    "Value",
    "build_body",
    "clip_boxes",
    "decode_box_deltas",
    "decode_edge_distances",
    "find_finite_rows",
    "find_rows",
    "find_translation",
    "get_sides",
    "keep_best",
    "list_cells",
    "num_rows",
    "paste_in_onnx",
    "pick_rows",
    "suppress_boxes",
    "translated_by",
    "weigh_cells",
    "without_tracer_log",
]
