"""Images, anchors and results of torchvision's detectors in ONNX, of one image that is resized.

Legend: R instances, M the side of a mask within its box, H W height and width of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch.utils import _pytree as pytree  # documented for torch.export; there is no other name

from composer.translation import DOUBLE, FLOAT, INT64, Value, weigh_cells

_FULL_RANGE = 255.0


def translate_preprocess(op: Value, node: Value, batch: Value) -> Sequence[Value]:
    """Normalises the image, resizes and pads it; returns it and its size before padding."""
    mean, std = node.normalization.pixel_mean, node.normalization.pixel_std
    values = op.Cast(batch, to=FLOAT)
    if batch.dtype.is_integer():
        values = values / _FULL_RANGE
    image = (values - _by_channel(op, mean)) / _by_channel(op, std)
    size = _find_size(op, node, batch)
    sizes = op.Concat(op.Constant(value_ints=[1, len(mean)]), size, axis=0)
    resized = op.Resize(
        image, None, None, sizes, mode="linear", coordinate_transformation_mode="half_pixel"
    )
    padded = size
    if (divisor := node.size_divisibility) > 1:
        padded = (size + (divisor - 1)) / divisor * divisor
    pads = op.Concat(op.Constant(value_ints=[0] * 6), padded - size, axis=0)
    return [op.Pad(resized, pads, 0.0), op.Unsqueeze(size, [0])]


def _by_channel(op: Value, numbers: Value) -> Value:
    return op.Unsqueeze(op.Constant(value_floats=numbers.flatten().tolist()), [0, 2, 3])


def _find_size(op: Value, node: Value, batch: Value) -> Value:
    """Returns the (height, width) that the image is resized to: see `choose_size`.

    In double precision, as in Python: sides are rounded down.
    """
    if node.fixed_size is not None:
        return op.Constant(value_ints=list(node.fixed_size))
    sides = op.Cast(op.Shape(batch, start=2, end=4), to=DOUBLE)
    shortest, longest = op.ReduceMin(sides, keepdims=0), op.ReduceMax(sides, keepdims=0)
    by_shortest = op.CastLike(float(node.min_size[-1]), sides) / shortest
    by_longest = op.CastLike(float(node.max_size), sides) / longest
    size = op.Cast(sides * op.Min(by_shortest, by_longest), to=INT64)
    return op.Max(size, op.Constant(value_ints=[1]))


def translate_anchors(
    op: Value, node: Value, images: Value, features: Mapping[str, Value]
) -> list[Value]:
    """Places the anchors of a cell at every cell of every level, by the maps' real strides."""
    padded = op.Shape(images.tensor, start=2, end=4)
    return [
        _repeat_anchors(op, node.get_buffer(f"cell_anchors_{level}"), features[name], padded)
        for level, name in enumerate(node.in_features)
    ]


def _repeat_anchors(op: Value, cell_anchors: Value, map_: Value, padded: Value) -> Value:
    grid = op.Shape(map_, start=2, end=4)
    rows, columns = op.Split(grid, num_outputs=2, axis=0, _outputs=2)
    down, right = op.Split(padded / grid, num_outputs=2, axis=0, _outputs=2)
    y = op.Cast(op.Range(0, op.Squeeze(rows, [0]), 1) * down, to=FLOAT)
    x = op.Cast(op.Range(0, op.Squeeze(columns, [0]), 1) * right, to=FLOAT)
    along_y = op.Unsqueeze(y, [1, 2, 3]) * op.Constant(value_floats=[0.0, 1.0] * 2)
    along_x = op.Unsqueeze(x, [0, 2, 3]) * op.Constant(value_floats=[1.0, 0.0] * 2)
    numbers = op.Constant(value_floats=cell_anchors.flatten().tolist())
    cells = op.Reshape(numbers, [1, 1, len(cell_anchors), 4])
    return op.Reshape((along_x + along_y) + cells, [-1, 4])


def translate_postprocess(
    op: Value, node: Value, instances: Sequence[Value], batch: Value
) -> Sequence[Value]:
    """Scales boxes and keypoints to the image, and pastes masks on whole pixels."""
    size = op.Shape(batch, start=2, end=4)
    given = pytree.tree_leaves(instances)[0]  # the size in which they were found
    ratio = op.Cast(size, to=DOUBLE) / op.Cast(given, to=DOUBLE)
    scale = op.Cast(op.Gather(ratio, [1, 0], axis=0), to=FLOAT)  # of x and y
    fields = instances[0].get_fields()
    boxes = fields["pred_boxes"].tensor * op.Concat(scale, scale, axis=0)
    found: list[Value] = [size]
    for field, value in fields.items():
        tensor = getattr(value, "tensor", value)
        if field == "pred_boxes":
            found.append(boxes)
        elif field == "pred_classes":
            found.append(tensor + node.first_class)
        elif field == "pred_masks":
            masks, side = op.Squeeze(tensor, [1]), int(value.shape[-1])
            found.append(_paste(op, masks, boxes, size, side, node.mask_threshold))
        elif field == "pred_keypoints":
            found.append(tensor * op.Concat(scale, op.Constant(value_floats=[1.0]), axis=0))
        else:
            found.append(op.Identity(tensor))
    return found


def _paste(
    op: Value, masks: Value, boxes: Value, size: Value, side: int, threshold: float
) -> Value:
    """Stretches each mask over the whole pixels of its box: see `paste_on_whole_pixels`.

    Args:
        op: the builder.
        masks: R x M x M, foreground probabilities.
        boxes: R x 4, XYXY in pixels of the image.
        size: its (height, width), two whole numbers.
        side: M.
        threshold: a pixel belongs to the mask from this probability on.

    Returns:
        R x H x W, whether a pixel belongs to it.
    """
    bordered = side + 2  # a cell of zeros all around
    framed = op.Pad(masks, op.Constant(value_ints=[0, 1, 1, 0, 1, 1]), 0.0)
    upper, lower = op.Split(boxes, num_outputs=2, axis=1, _outputs=2)
    center, half = (upper + lower) * 0.5, (lower - upper) * 0.5 * (bordered / side)
    starts, ends = op.Cast(center - half, to=INT64), op.Cast(center + half, to=INT64)
    x1, y1 = op.Split(starts, num_outputs=2, axis=1, _outputs=2)
    x2, y2 = op.Split(ends, num_outputs=2, axis=1, _outputs=2)
    height, width = op.Split(size, num_outputs=2, axis=0, _outputs=2)
    in_rows, rows = _weigh(op, y1, y2, height, bordered)
    in_columns, columns = _weigh(op, x1, x2, width, bordered)
    values = op.MatMul(op.MatMul(rows, framed), op.Transpose(columns, perm=[0, 2, 1]))
    is_inside = op.And(op.Unsqueeze(in_rows, [2]), op.Unsqueeze(in_columns, [1]))
    return op.And(op.GreaterOrEqual(values, op.CastLike(threshold, values)), is_inside)


def _weigh(op: Value, start: Value, end: Value, length: Value, side: int) -> Sequence[Value]:
    """Returns which pixels a box has along one direction, and each cell's weight for them.

    Args:
        op: the builder.
        start: R x 1, the first pixel of boxes.
        end: the last one.
        length: of the image in this direction.
        side: cells of a mask.
    """
    pixels = op.Unsqueeze(op.Range(0, op.Squeeze(length, [0]), 1), [0])
    is_inside = op.And(op.GreaterOrEqual(pixels, start), op.LessOrEqual(pixels, end))
    count = op.Cast(op.Max(end - start + 1, op.Constant(value_int=1)), to=FLOAT)
    places = (op.Cast(pixels - start, to=FLOAT) + 0.5) * (float(side) / count) - 0.5
    bounded = op.Min(op.Max(places, 0.0), float(side - 1))
    return is_inside, weigh_cells(op, bounded, side)
