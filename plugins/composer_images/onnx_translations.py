"""Preprocessing and postprocessing in ONNX: of one image, which keeps its size."""

from __future__ import annotations

from collections.abc import Sequence

from composer.translation import (
    Value,
    clip_boxes,
    find_finite_rows,
    find_rows,
    get_sides,
    paste_in_onnx,
    pick_rows,
)


def translate_preprocess(op: Value, node: Value, batch: Value) -> Sequence[Value]:
    """Normalises the image and pads it; returns it and its size, as an `ImageList` has them."""
    mean, std = node.normalization.pixel_mean, node.normalization.pixel_std
    image = (op.Cast(batch, to=1) - _by_channel(op, mean)) / _by_channel(op, std)
    size = op.Shape(batch, start=2, end=4)
    padded = op.Max(size, op.Constant(value_ints=[node.square_size] * 2))
    if node.size_divisibility > 1:
        padded = (padded + (node.size_divisibility - 1)) / node.size_divisibility
        padded = padded * node.size_divisibility
    missing = padded - size
    pads = op.Concat(op.Constant(value_ints=[0] * 6), missing, axis=0)
    return [op.Pad(image, pads, 0.0), op.Unsqueeze(size, [0])]


def translate_downscaled_images(op: Value, node: Value, images: Value) -> Sequence[Value]:
    """Averages blocks of pixels; returns the images and their sizes."""
    block = [node.factor] * 2
    pooled = op.AveragePool(images.tensor, kernel_shape=block, strides=block)
    return [pooled, (images.sizes + (node.factor - 1)) / node.factor]


def _by_channel(op: Value, numbers: Value) -> Value:
    flat = op.Constant(value_floats=numbers.flatten().tolist())
    return op.Unsqueeze(flat, [0, 2, 3])


def translate_postprocess(
    op: Value, node: Value, instances: Sequence[Value], batch: Value
) -> Sequence[Value]:
    """Clips boxes to the image, drops empty ones and pastes masks; the size is the image's."""
    size = op.Shape(batch, start=2, end=4)
    fields = instances[0].get_fields()
    name = next(name for name in ("pred_boxes", "proposal_boxes") if name in fields)
    boxes = clip_boxes(op, fields[name].tensor, size)
    is_empty = op.LessOrEqual(op.ReduceMin(get_sides(op, boxes), [1], keepdims=0), 0.0)
    rows = find_rows(op, op.And(op.Not(is_empty), find_finite_rows(op, boxes)))
    found: list[Value] = [size]
    for field, value in fields.items():
        if field == name:
            found.append(pick_rows(op, boxes, rows))
        elif field == "pred_masks":
            masks = op.Squeeze(pick_rows(op, getattr(value, "tensor", value), rows), [1])
            kept = pick_rows(op, boxes, rows)
            side = int(value.shape[-1])
            found.append(paste_in_onnx(op, masks, kept, size, side, node.mask_threshold))
        else:
            found.append(pick_rows(op, getattr(value, "tensor", value), rows))
    return found
