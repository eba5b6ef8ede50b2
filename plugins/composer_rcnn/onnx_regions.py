"""Pooling of regions, detections and their boxes in ONNX."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from composer.translation import (
    Value,
    clip_boxes,
    decode_box_deltas,
    find_finite_rows,
    find_rows,
    get_sides,
    num_rows,
    pick_rows,
    suppress_boxes,
)

_MODES = {"ROIAlignV2": "half_pixel", "ROIAlign": "output_half_pixel"}
_EPSILON = 1e-8  # as in `assign_levels`


def translate_roi_pooler(
    op: Value, node: Value, features: Mapping[str, Value], boxes: Sequence[Value]
) -> Value:
    """Samples each region from its level with one operator, and puts them back into their order."""
    regions = boxes[0].tensor
    if int(regions.shape[1]) != 4:
        raise ValueError("rotated boxes have no translation")
    maps = [features[name] for name in node.in_features]
    if len(maps) == 1:
        return _pool(op, node, maps[0], regions, node.strides[0])
    levels = _assign_levels(op, node, regions)
    rows, pooled = [], []
    for level, (map_, stride) in enumerate(zip(maps, node.strides, strict=True)):
        chosen = find_rows(op, op.Equal(levels, level))
        rows.append(chosen)
        pooled.append(_pool(op, node, map_, pick_rows(op, regions, chosen), stride))
    together = op.Concat(*pooled, axis=0)
    places = op.Unsqueeze(op.Concat(*rows, axis=0), [1])
    return op.ScatterND(together, places, together)


def _pool(op: Value, node: Value, map_: Value, regions: Value, stride: int) -> Value:
    height, width = node.output_size
    if node.pooler_type == "ROIPool":
        first_image = op.Pad(regions, op.Constant(value_ints=[0, 1, 0, 0]), 0.0)
        return op.MaxRoiPool(
            map_, first_image, pooled_shape=[height, width], spatial_scale=1.0 / stride
        )
    return op.RoiAlign(
        map_,
        regions,
        op.Expand(op.Constant(value_int=0), num_rows(op, regions)),
        output_height=height,
        output_width=width,
        sampling_ratio=node.sampling_ratio,
        spatial_scale=1.0 / stride,
        coordinate_transformation_mode=_MODES[node.pooler_type],
    )


def _assign_levels(op: Value, node: Value, regions: Value) -> Value:
    """Returns the level of each region, counted from the finest: see `assign_levels`."""
    first, last = (int(math.log2(stride)) for stride in (node.strides[0], node.strides[-1]))
    width, height = op.Split(get_sides(op, regions), num_outputs=2, axis=1, _outputs=2)
    size = op.Sqrt(op.Squeeze(width * height, [1]))
    relative = size / float(node.canonical_box_size) + _EPSILON
    position = op.Log(relative) / math.log(2.0) + float(node.canonical_level)
    levels = op.Floor(position + float(node.level_epsilon))
    levels = op.Min(op.Max(levels, float(first)), float(last))
    levels = op.Where(op.IsNaN(levels), float(first), levels)
    return op.Cast(levels, to=7) - first


def translate_detections(
    op: Value,
    node: Value,
    boxes: Sequence[Value],
    class_logits: Value,
    box_deltas: Value,
    images: Value,
    objectness_logits: Sequence[Value] | None = None,
) -> Sequence[Value]:
    """Picks the best boxes of every class, as `detections` does."""
    regions = boxes[0].tensor
    if int(regions.shape[1]) != 4:
        raise ValueError("rotated boxes have no translation")
    several = class_logits if isinstance(class_logits, list) else [class_logits]
    probabilities = _average(op, several, node.use_sigmoid_ce)
    num_classes = int(several[0].shape[1]) - 1
    num_offsets = int(box_deltas.shape[1]) // 4
    offsets = op.Reshape(box_deltas, [-1, num_offsets, 4])
    moved = decode_box_deltas(op, offsets, op.Unsqueeze(regions, [1]), node.box_weights)
    class_scores = op.Slice(probabilities, [0], [-1], [1])
    if objectness_logits is not None:
        weights = op.Pow(op.Sigmoid(objectness_logits[0]), float(node.objectness_exponent))
        class_scores = class_scores * op.Unsqueeze(weights, [1])
    is_likely = op.Greater(class_scores, float(node.score_threshold))
    rows, classes = _find_candidates(op, moved, probabilities, num_offsets, is_likely)
    places = op.Concat(op.Unsqueeze(rows, [1]), op.Unsqueeze(classes, [1]), axis=1)
    scores = op.GatherND(class_scores, places)
    if num_offsets == 1:  # that all classes share
        places = places * op.Constant(value_ints=[1, 0])
    own = op.GatherND(moved, places)
    clipped = clip_boxes(op, own, op.Squeeze(images.sizes, [0]))
    shortest = op.ReduceMin(get_sides(op, clipped), [1], keepdims=0)
    large = find_rows(op, op.GreaterOrEqual(shortest, float(node.min_box_size)))
    own_boxes, own_scores, own_classes = (
        pick_rows(op, values, large) for values in (clipped, scores, classes)
    )
    kept = suppress_boxes(op, own_boxes, own_scores, own_classes, num_classes, node.nms_threshold)
    best = pick_rows(op, large, op.Slice(kept, [0], [node.max_per_image], [0]))
    chosen = pick_rows(op, rows, best)
    picked = [pick_rows(op, values, best) for values in (clipped, scores, classes)]
    return [*picked, chosen, pick_rows(op, probabilities, chosen)]


def _average(op: Value, logits: Sequence[Value], use_sigmoid: bool) -> Value:
    each = [op.Sigmoid(one) if use_sigmoid else op.Softmax(one, axis=1) for one in logits]
    total = each[0]
    for one in each[1:]:
        total = total + one
    return total / float(len(each))


def _find_candidates(
    op: Value, moved: Value, probabilities: Value, num_offsets: int, is_likely: Value
) -> Sequence[Value]:
    """Returns the rows and the classes of likely boxes, of regions whose numbers are finite."""
    numbers = op.Concat(op.Reshape(moved, [-1, num_offsets * 4]), probabilities, axis=1)
    is_finite = op.Unsqueeze(find_finite_rows(op, numbers), [1])
    found = op.NonZero(op.And(is_likely, is_finite))
    rows, classes = op.Split(found, num_outputs=2, axis=0, _outputs=2)
    return op.Squeeze(rows, [0]), op.Squeeze(classes, [0])


def translate_refined_boxes(
    op: Value, node: Value, boxes: Sequence[Value], box_deltas: Value, images: Value
) -> Value:
    """Moves every region and clips it."""
    moved = decode_box_deltas(op, box_deltas, boxes[0].tensor, node.box_weights)
    known = op.Where(op.IsNaN(moved), 0.0, moved)
    return clip_boxes(op, known, op.Squeeze(images.sizes, [0]))


def translate_picked_regions(op: Value, node: Value, x: Value, rows: Sequence[Value]) -> Value:
    """Takes the features of the regions that the detections come from."""
    return pick_rows(op, x, rows[0])
