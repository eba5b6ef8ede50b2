"""Arithmetic of boxes in ONNX: the same steps as those of `composer.ops` in torch.

Boxes are P x 4, XYXY in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

from composer.ops import MAX_LOG_SCALE
from composer.translation.publishing import Value


def decode_box_deltas(op: Value, deltas: Value, boxes: Value, weights: Sequence[float]) -> Value:
    """Applies offsets to boxes: see `composer.ops.decode_deltas`.

    Args:
        op: the builder.
        deltas: P x 4, or P x C x 4 with several for each box.
        boxes: P x 4, or P x 1 x 4.
        weights: the factors of dx, dy, dw, dh.
    """
    move_x, move_y, grow_x, grow_y = _columns(op, deltas / op.Constant(value_floats=weights))
    x1, y1, x2, y2 = _columns(op, boxes)
    width, height = x2 - x1, y2 - y1
    center_x = (x1 + width * 0.5) + move_x * width
    center_y = (y1 + height * 0.5) + move_y * height
    half_x = width * 0.5 * op.Exp(op.Min(grow_x, MAX_LOG_SCALE))
    half_y = height * 0.5 * op.Exp(op.Min(grow_y, MAX_LOG_SCALE))
    corners = (center_x - half_x, center_y - half_y, center_x + half_x, center_y + half_y)
    return op.Concat(*corners, axis=-1)


def decode_edge_distances(op: Value, distances: Value, boxes: Value) -> Value:
    """Puts edges around the centres of boxes: see `composer.ops.decode_distances`.

    Args:
        op: the builder.
        distances: P x 4, in units of the sides.
        boxes: P x 4.
    """
    left, top, right, bottom = _columns(op, op.Relu(distances))
    x1, y1, x2, y2 = _columns(op, boxes)
    center_x, center_y = (x1 + x2) / 2.0, (y1 + y2) / 2.0
    width, height = x2 - x1, y2 - y1
    corners = (
        center_x - left * width,
        center_y - top * height,
        center_x + right * width,
        center_y + bottom * height,
    )
    return op.Concat(*corners, axis=-1)


def clip_boxes(op: Value, boxes: Value, size: Value) -> Value:
    """Cuts boxes to an image.

    Args:
        op: the builder.
        boxes: P x 4.
        size: (height, width), two whole numbers.
    """
    width_height = op.Cast(op.Gather(size, [1, 0], axis=0), to=1)
    limits = op.Concat(width_height, width_height, axis=0)
    return op.Min(op.Max(boxes, 0.0), limits)


def get_sides(op: Value, boxes: Value) -> Value:
    """Returns the P x 2 (width, height) of boxes."""
    corners = op.Split(boxes, num_outputs=2, axis=-1, _outputs=2)
    return corners[1] - corners[0]


def find_finite_rows(op: Value, rows: Value) -> Value:
    """Returns for each row of a P x _ matrix whether all of its numbers are finite."""
    wrong = op.Or(op.IsNaN(rows), op.IsInf(rows))
    return op.Not(op.Cast(op.ReduceMax(op.Cast(wrong, to=6), [1], keepdims=0), to=9))


def _columns(op: Value, rows: Value) -> Sequence[Value]:
    columns: Sequence[Value] = op.Split(rows, num_outputs=4, axis=-1, _outputs=4)
    return columns
