"""Points of regions in ONNX, of one image.

Legend: N maps, R regions, P points of a region, C channels, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from composer.translation import FLOAT, Value, num_rows
from composer_point_rend.point_sampling import make_grid


def translate_grid_points(op: Value, node: Value, boxes: Sequence[Value]) -> Value:
    """Places a regular grid of points in every region."""
    return _repeat_grid(op, boxes[0].tensor, node.side)


def _repeat_grid(op: Value, regions: Value, side: int) -> Value:
    numbers = op.Constant(value_floats=make_grid(side).flatten().tolist())
    grid = op.Reshape(numbers, [1, side * side, 2])
    ones = op.Constant(value_ints=[1, 1])
    return op.Expand(grid, op.Concat(num_rows(op, regions), ones, axis=0))


def translate_grid_pooler(
    op: Value, node: Value, features: Mapping[str, Value], boxes: Sequence[Value]
) -> Value:
    """Interpolates features at the points of a regular grid in each region."""
    side = node.output_size
    points = _repeat_grid(op, boxes[0].tensor, side)
    pooled = _sample_regions(op, node, features, boxes[0].tensor, points)
    return op.Reshape(pooled, [-1, node.channels, side, side])


def translate_region_point_features(
    op: Value, node: Value, features: Mapping[str, Value], boxes: Sequence[Value], points: Value
) -> Value:
    """Interpolates features at points of each region."""
    return _sample_regions(op, node, features, boxes[0].tensor, points)


def _sample_regions(
    op: Value, node: Value, features: Mapping[str, Value], regions: Value, points: Value
) -> Value:
    """Interpolates maps at points of regions.

    Args:
        op: the builder.
        node: the module, with the levels and their strides.
        features: 1 x C x H x W each.
        regions: R x 4, XYXY in pixels.
        points: R x P x 2, (x, y) from 0 to 1.

    Returns:
        R x C x P, the channels of all levels.
    """
    upper, lower = op.Split(op.Unsqueeze(regions, [1]), num_outputs=2, axis=2, _outputs=2)
    places = points * (lower - upper) + upper
    counts = op.Shape(points, start=0, end=2)
    levels = []
    for name, stride in zip(node.in_features, node.strides, strict=True):
        map_ = features[name]
        size = op.Cast(op.Shape(map_, start=2, end=4), to=FLOAT) * float(stride)
        flat = op.Reshape(places / op.Gather(size, [1, 0], axis=0), [1, 1, -1, 2])
        found = op.GridSample(map_, flat * 2.0 - 1.0, mode=_linear(op), align_corners=0)
        shape = op.Concat(op.Constant(value_ints=[int(map_.shape[1])]), counts, axis=0)
        levels.append(op.Transpose(op.Reshape(found, shape, allowzero=1), perm=[1, 0, 2]))
    return levels[0] if len(levels) == 1 else op.Concat(*levels, axis=1)


def _linear(op: Value) -> str:
    """The name of linear interpolation, which another version of the operators calls otherwise."""
    return "linear" if op.builder.graph.opset_imports[""] >= 20 else "bilinear"


def translate_grid_masks(
    op: Value, node: Value, point_logits: Value, classes: Sequence[Value]
) -> Value:
    """Makes masks of the logits on a regular grid, those of the regions' classes."""
    side = round(int(point_logits.shape[2]) ** 0.5)
    own = _pick_class(op, point_logits, classes[0])
    return op.Reshape(own, [-1, 1, side, side])


def translate_uncertain_mask_cells(op: Value, node: Value, mask_logits: Value) -> Sequence[Value]:
    """Finds the cells of every mask whose logit is closest to zero."""
    height, width = (int(side) for side in mask_logits.shape[2:])
    certainty = op.Abs(op.Reshape(mask_logits, [-1, height * width]))
    return _find_cells(op, op.Neg(certainty), op.Constant(value_ints=[width]), node.num_points)


def translate_uncertain_pixel_cells(op: Value, node: Value, logits: Value) -> Sequence[Value]:
    """Finds the cells of every image whose two best classes are closest."""
    num_classes = int(logits.shape[1])
    cells = op.Reshape(logits, [0, num_classes, -1])
    if num_classes == 1:
        uncertainty = op.Neg(op.Abs(op.Squeeze(cells, [1])))
    else:
        two, _ = op.TopK(cells, op.Constant(value_ints=[2]), axis=1, _outputs=2)
        best, second = op.Split(two, num_outputs=2, axis=1, _outputs=2)
        uncertainty = op.Squeeze(second - best, [1])
    return _find_cells(op, uncertainty, num_rows(op, logits, 3), node.num_points)


def _find_cells(op: Value, uncertainty: Value, width: Value, num_points: int) -> Sequence[Value]:
    """Returns points and positions of the most uncertain cells: see `find_uncertain_cells`.

    Args:
        op: the builder.
        uncertainty: of the cells, a row a map.
        width: cells of a row of a map, a list of one whole number.
        num_points: cells of each map at most.
    """
    num_cells = num_rows(op, uncertainty, 1)
    count = op.Min(num_cells, op.Constant(value_ints=[num_points]))
    _, indices = op.TopK(uncertainty, count, axis=1, _outputs=2)
    row = indices / width
    sides = op.Concat(width, num_cells / width, axis=0)
    places = op.Concat(op.Unsqueeze(indices - row * width, [2]), op.Unsqueeze(row, [2]), axis=2)
    return [(op.Cast(places, to=FLOAT) + 0.5) / op.Cast(sides, to=FLOAT), indices]


def translate_refined_masks(
    op: Value,
    node: Value,
    mask_logits: Value,
    indices: Value,
    point_logits: Value,
    classes: Sequence[Value],
) -> Value:
    """Replaces the logits of some cells."""
    height, width = (int(side) for side in mask_logits.shape[2:])
    cells = op.Reshape(mask_logits, [-1, height * width])
    own = _pick_class(op, point_logits, classes[0])
    refined = op.ScatterElements(cells, indices, own, axis=1)
    return op.Reshape(refined, [-1, 1, height, width])


def _pick_class(op: Value, logits: Value, classes: Value) -> Value:
    """Returns the R x P logits of each region's class, or of the one mask that there is."""
    if int(logits.shape[1]) == 1:
        return op.Squeeze(logits, [1])
    rows = op.Range(0, op.Squeeze(num_rows(op, logits), [0]), 1)
    places = op.Concat(op.Unsqueeze(rows, [1]), op.Unsqueeze(classes, [1]), axis=1)
    return op.GatherND(logits, places)
