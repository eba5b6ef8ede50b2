"""Anchors and proposals in ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from composer.translation import (
    Value,
    clip_boxes,
    decode_box_deltas,
    find_finite_rows,
    find_rows,
    get_sides,
    keep_best,
    list_cells,
    num_rows,
    pick_rows,
    suppress_boxes,
)


def translate_anchors(op: Value, node: Value, features: Mapping[str, Value]) -> list[Value]:
    """Places the anchors of a cell at every cell of every level."""
    levels = node.levels
    cells = [levels.get_buffer(f"cell_anchors_{level}") for level in range(len(levels.names))]
    return [
        _place(op, cell_anchors, features[name], stride, levels.offset)
        for cell_anchors, name, stride in zip(cells, levels.names, levels.strides, strict=True)
    ]


def _place(op: Value, cell_anchors: Any, map_: Value, stride: int, offset: float) -> Value:
    along_x, along_y = (
        op.Constant(value_floats=[1.0, 0.0] * 2),
        op.Constant(value_floats=[0.0, 1.0] * 2),
    )
    x = op.Unsqueeze(_centers(op, map_, 3, stride, offset), [0, 2, 3]) * along_x
    y = op.Unsqueeze(_centers(op, map_, 2, stride, offset), [1, 2, 3]) * along_y
    cells = op.Reshape(
        op.Constant(value_floats=cell_anchors.flatten().tolist()), [1, 1, len(cell_anchors), 4]
    )
    return op.Reshape((x + y) + cells, [-1, 4])


def _centers(op: Value, map_: Value, axis: int, stride: int, offset: float) -> Value:
    length = op.Squeeze(num_rows(op, map_, axis), [0])
    return (op.Cast(op.Range(0, length, 1), to=1) + float(offset)) * float(stride)


def translate_proposals(
    op: Value,
    node: Value,
    images: Value,
    anchors: Sequence[Value],
    objectness: Sequence[Value],
    deltas: Sequence[Value],
) -> Sequence[Value]:
    """Picks, moves, clips and thins out the best anchors, as `Proposals` does in inference."""
    if int(anchors[0].shape[-1]) != 4:
        raise ValueError("rotated anchors have no translation")
    limits = node.limits[False]
    boxes, logits, levels = [], [], []
    for level, maps in enumerate(zip(anchors, objectness, deltas, strict=True)):
        level_anchors, level_logits, level_deltas = maps
        scores = op.Squeeze(list_cells(op, level_logits), [1])
        best, rows = keep_best(op, scores, limits.pre_nms_topk)
        moved = pick_rows(op, list_cells(op, level_deltas, 4), rows)
        starts = pick_rows(op, level_anchors, rows)
        boxes.append(decode_box_deltas(op, moved, starts, node.box_weights))
        logits.append(best)
        levels.append(op.Expand(op.Constant(value_int=level), num_rows(op, best)))
    all_boxes, all_logits = op.Concat(*boxes, axis=0), op.Concat(*logits, axis=0)
    is_good = _judge(op, all_boxes, all_logits, images.sizes, limits)
    keep = find_rows(op, is_good)
    clipped = clip_boxes(op, all_boxes, op.Squeeze(images.sizes, [0]))
    kept_boxes, kept_logits = pick_rows(op, clipped, keep), pick_rows(op, all_logits, keep)
    groups = pick_rows(op, op.Concat(*levels, axis=0), keep)
    order = suppress_boxes(op, kept_boxes, kept_logits, groups, len(levels), limits.nms_threshold)
    best = op.Slice(order, [0], [limits.post_nms_topk], [0])
    return [pick_rows(op, kept_boxes, best), pick_rows(op, kept_logits, best)]


def _judge(op: Value, boxes: Value, logits: Value, sizes: Value, limits: Any) -> Value:
    """Returns whether candidates are finite, likely and large enough."""
    sides = get_sides(op, clip_boxes(op, boxes, op.Squeeze(sizes, [0])))
    is_large = op.Greater(op.ReduceMin(sides, [1], keepdims=0), float(limits.min_box_size))
    is_finite = op.And(find_finite_rows(op, boxes), find_finite_rows(op, op.Unsqueeze(logits, [1])))
    is_likely = op.GreaterOrEqual(op.Sigmoid(logits), float(limits.min_objectness))
    return op.And(op.And(is_finite, is_likely), is_large)


def translate_proposal_instances(
    op: Value,
    node: Value,
    images: Value,
    boxes: Sequence[Value],
    objectness_logits: Sequence[Value],
) -> Sequence[Value]:
    """Puts the fields in the order in which the instances have them, behind the image's size."""
    return [op.Squeeze(images.sizes, [0]), boxes[0].tensor, objectness_logits[0]]
