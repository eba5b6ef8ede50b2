"""Selection of rows in ONNX: candidates, non-maximum suppression, the best of them."""

from __future__ import annotations

from composer.translation.publishing import Value

_LOWEST, _LOW = -3e38, -1e38  # the score of a box in a group that it is no part of; and above it
_MOST_GROUPS = 128  # more are set apart in space, as a row a group would take too much memory


def num_rows(op: Value, rows: Value, axis: int = 0) -> Value:
    """Returns the length of a dimension, as a list of one whole number."""
    return op.Shape(rows, start=axis, end=axis + 1)


def find_rows(op: Value, is_chosen: Value) -> Value:
    """Returns the positions of the rows that are chosen, in order."""
    return op.Squeeze(op.NonZero(is_chosen), [0])


def pick_rows(op: Value, rows: Value, positions: Value) -> Value:
    """Returns the rows at some positions."""
    return op.Gather(rows, positions, axis=0)


def keep_best(op: Value, scores: Value, limit: int) -> tuple[Value, Value]:
    """Returns the best scores, best first, and their positions; of equals the first is better.

    Args:
        op: the builder.
        scores: the scores, by rows; those of each column by themselves.
        limit: how many at most.
    """
    count = op.Min(num_rows(op, scores), op.Constant(value_ints=[limit]))
    best, positions = op.TopK(scores, count, axis=0, largest=1, sorted=1, _outputs=2)
    return best, positions


def suppress_boxes(
    op: Value, boxes: Value, scores: Value, groups: Value, num_groups: int, iou_threshold: float
) -> Value:
    """Drops boxes that overlap a better one of their group: see `composer.ops.batched_nms`.

    Args:
        op: the builder.
        boxes: P x 4.
        scores: what makes a box better than another.
        groups: the group of each box.
        num_groups: how many groups there are.
        iou_threshold: a box goes when its intersection over union with a kept one is above.

    Returns:
        The kept boxes' positions, best score first.
    """
    count = num_rows(op, boxes)
    if num_groups > _MOST_GROUPS:
        boxes, per_group = _set_apart(op, boxes, groups), op.Unsqueeze(scores, [0, 1])
    else:
        is_member = op.OneHot(groups, op.Constant(value_int=num_groups), [0.0, 1.0], axis=0)
        own = op.Where(op.Cast(is_member, to=9), op.Unsqueeze(scores, [0]), _LOWEST)
        per_group = op.Unsqueeze(own, [0])
    kept = op.NonMaxSuppression(
        op.Unsqueeze(boxes, [0]), per_group, op.Squeeze(count, [0]), iou_threshold, _LOW
    )
    positions = op.Gather(kept, 2, axis=1)
    # Kept ones are sorted in their own order first, so that equal scores stay in it.
    marks = op.ScatterElements(
        op.Expand(op.Constant(value_int=0), count),
        positions,
        op.Expand(op.Constant(value_int=1), num_rows(op, positions)),
        axis=0,
    )
    ordered = find_rows(op, marks)
    kept_scores = pick_rows(op, scores, ordered)
    _, best_first = op.TopK(kept_scores, num_rows(op, ordered), axis=0, _outputs=2)
    return pick_rows(op, ordered, best_first)


def _set_apart(op: Value, boxes: Value, groups: Value) -> Value:
    """Returns boxes moved by their group, so that those of different groups do not overlap."""
    least = op.Min(op.ReduceMin(op.Concat(boxes, [[0.0] * 4], axis=0), keepdims=0), 0.0)
    moved = boxes - least
    largest = op.ReduceMax(op.Concat(moved, [[0.0] * 4], axis=0), keepdims=0)
    return moved + op.Unsqueeze(op.Cast(groups, to=1), [1]) * (largest + 1.0)


def list_cells(op: Value, map_: Value, num_values: int = 1) -> Value:
    """Lists the predictions of one image in the order of anchors: see `composer.ops.flatten_cells`.

    Args:
        op: the builder.
        map_: 1 x (A * num_values) x H x W.
        num_values: how many numbers make a prediction.

    Returns:
        (H * W * A) x num_values.
    """
    rows = op.Transpose(op.Squeeze(map_, [0]), perm=[1, 2, 0])
    return op.Reshape(rows, [-1, num_values])
