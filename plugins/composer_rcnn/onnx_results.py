"""Masks, keypoints and instances of detections in ONNX."""

from __future__ import annotations

from collections.abc import Sequence

from composer.translation import FLOAT, INT64, Value, build_body, num_rows


def translate_masks(op: Value, node: Value, mask_logits: Value, classes: Sequence[Value]) -> Value:
    """Takes each detection's mask for its own class, as probabilities."""
    if int(mask_logits.shape[1]) == 1:
        return op.Sigmoid(mask_logits)
    rows = op.Range(0, op.Squeeze(num_rows(op, mask_logits), [0]), 1)
    places = op.Concat(op.Unsqueeze(rows, [1]), op.Unsqueeze(classes[0], [1]), axis=1)
    return op.Sigmoid(op.Unsqueeze(op.GatherND(mask_logits, places), [1]))


def translate_mask_scores(
    op: Value, node: Value, scores: Sequence[Value], masks: Sequence[Value]
) -> Value:
    """Multiplies each score by its mask's mean probability where the mask is."""
    side = int(masks[0].shape[-1])
    probabilities = op.Reshape(masks[0], [-1, side * side])
    inside = op.Cast(op.GreaterOrEqual(probabilities, float(node.mask_threshold)), to=FLOAT)
    count = op.Max(op.ReduceSum(inside, [1], keepdims=0), 1.0)
    certainty = op.ReduceSum(probabilities * inside, [1], keepdims=0) / count
    return scores[0] * op.Pow(certainty, float(node.exponent))


def translate_keypoints(
    op: Value, node: Value, keypoint_logits: Value, boxes: Sequence[Value]
) -> Sequence[Value]:
    """Enlarges each detection's maps to its box, one after the other, and takes the best place."""
    regions, count = boxes[0].tensor, num_rows(op, keypoint_logits)
    corners = op.Split(regions, num_outputs=2, axis=1, _outputs=2)
    sides = op.Max(corners[1] - corners[0], 1.0)
    cells = op.Cast(op.Ceil(sides), to=INT64)

    def decode(op: Value, row: Value, is_going: Value) -> Sequence[Value]:
        found = _decode_one(op, op.Gather(keypoint_logits, row), op.Gather(cells, row))
        return [op.Identity(is_going), *found]

    num_maps = int(keypoint_logits.shape[1])
    body = build_body(
        op, decode, [], [("places", FLOAT, [num_maps, 2]), ("best", FLOAT, [num_maps])]
    )
    places, best = op.Loop(
        op.Squeeze(count, [0]), op.Cast(op.Constant(value_int=1), to=9), body=body, _outputs=2
    )
    place = op.Reshape(places, [-1, num_maps, 2])
    pixels_per_cell = op.Unsqueeze(sides / op.Cast(cells, to=FLOAT), [1])
    points = (place + 0.5) * pixels_per_cell + op.Unsqueeze(corners[0], [1])
    highest = op.Reshape(best, [-1, num_maps, 1, 1])
    total = op.ReduceSum(op.Exp(keypoint_logits - highest), [2, 3], keepdims=0)
    scores = op.Unsqueeze(op.Reciprocal(total), [2])
    return [op.Concat(points, scores, axis=2), op.Identity(keypoint_logits)]


def _decode_one(op: Value, maps: Value, size: Value) -> Sequence[Value]:
    """Returns the K x 2 cells (x, y) of the best places of K enlarged maps, and the values there.

    Args:
        op: the builder.
        maps: K x S x S.
        size: (width, height) of the enlarged maps.
    """
    width, height = op.Split(size, num_outputs=2, axis=0, _outputs=2)
    num_maps = num_rows(op, maps)
    sizes = op.Concat(op.Constant(value_ints=[1]), num_maps, height, width, axis=0)
    enlarged = op.Resize(
        op.Unsqueeze(maps, [0]),
        None,
        None,
        sizes,
        mode="cubic",
        cubic_coeff_a=-0.75,
        coordinate_transformation_mode="half_pixel",
    )
    flat = op.Reshape(enlarged, op.Concat(num_maps, op.Constant(value_ints=[-1]), axis=0))
    place = op.ArgMax(flat, axis=1, keepdims=1)
    row = place / width
    cells = op.Concat(place - row * width, row, axis=1)
    return op.Cast(cells, to=FLOAT), op.ReduceMax(flat, [1], keepdims=0)


def translate_instances(
    op: Value,
    node: Value,
    images: Value,
    boxes: Sequence[Value],
    scores: Sequence[Value],
    classes: Sequence[Value],
    masks: Sequence[Value] | None = None,
    class_probabilities: Sequence[Value] | None = None,
    keypoints: Sequence[Value] | None = None,
    keypoint_heatmaps: Sequence[Value] | None = None,
) -> Sequence[Value]:
    """Puts the fields in the order in which the instances have them, behind the image's size."""
    fields = (masks, class_probabilities, keypoints, keypoint_heatmaps)
    wired = [values[0] for values in fields if values is not None]
    size = op.Squeeze(images.sizes, [0])
    return [size, boxes[0].tensor, scores[0], classes[0], *wired]
