"""Pasting of masks in ONNX.

Bilinear sampling on the upright grid of a box is one product with rows and one with columns: a
pixel's weights are those of two cells at most in each direction.
"""

from __future__ import annotations

from composer.translation.publishing import Value


def paste_in_onnx(
    op: Value, masks: Value, boxes: Value, size: Value, side: int, threshold: float
) -> Value:
    """Resamples each box's mask into its image: see `composer.structures.paste_masks`.

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
    x1, y1, x2, y2 = op.Split(boxes, num_outputs=4, axis=1, _outputs=4)
    height, width = op.Split(size, num_outputs=2, axis=0, _outputs=2)
    rows = _weigh(op, y1, y2, height, side)  # R x H x M
    columns = op.Transpose(_weigh(op, x1, x2, width, side), perm=[0, 2, 1])  # R x M x W
    values = op.MatMul(op.MatMul(rows, masks), columns)
    has_area = op.And(op.Greater(x2, x1), op.Greater(y2, y1))
    return op.And(
        op.GreaterOrEqual(values, op.CastLike(threshold, values)), op.Unsqueeze(has_area, [2])
    )


def _weigh(op: Value, start: Value, end: Value, length: Value, side: int) -> Value:
    """Returns the weight of each cell of a mask for each pixel, along one direction.

    Args:
        op: the builder.
        start: R x 1, where boxes begin.
        end: where they end.
        length: of the image in this direction.
        side: M.
    """
    pixels = op.Cast(op.Range(0, op.Squeeze(length, [0]), 1), to=1) + 0.5
    places = (op.Unsqueeze(pixels, [0]) - start) / (end - start) * float(side) - 0.5
    return weigh_cells(op, places, side)


def weigh_cells(op: Value, places: Value, side: int) -> Value:
    """Returns the weight of each cell of a row for places along it, by linear interpolation.

    Args:
        op: the builder.
        places: R x P, 0 being the center of the first cell.
        side: M cells.

    Returns:
        R x P x M. Beyond the outermost centers the weights go down to zero.
    """
    cells = op.Constant(value_floats=[float(cell) for cell in range(side)])
    distances = op.Abs(op.Unsqueeze(places, [2]) - op.Unsqueeze(cells, [0, 1]))
    return op.Max(op.Constant(value_float=1.0) - distances, 0.0)
