"""Detections of dense detectors in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate

import torch

from composer.translation import (
    Value,
    clip_boxes,
    decode_box_deltas,
    decode_edge_distances,
    find_finite_rows,
    find_rows,
    keep_best,
    list_cells,
    num_rows,
    pick_rows,
    suppress_boxes,
)

_Decoding = Callable[[Value, Value, Value], Value]
_Finding = Callable[[Value, Value, Value], tuple[Value, Value, Value]]


def _find_best(op: Value, node: Value, scores: Value) -> tuple[Value, Value, Value]:
    """Returns the best scores of a level, with their anchors and classes."""
    return _find_above(op, scores, float(node.score_threshold), node.topk_candidates)


def _find_above(
    op: Value, scores: Value, threshold: float, topk: int
) -> tuple[Value, Value, Value]:
    found = op.NonZero(op.Greater(scores, threshold))
    best, order = keep_best(op, op.GatherND(scores, op.Transpose(found)), topk)
    rows, classes = op.Split(op.Gather(found, order, axis=1), num_outputs=2, axis=0, _outputs=2)
    return best, op.Squeeze(rows, [0]), op.Squeeze(classes, [0])


def _find_best_objects(op: Value, node: Value, logits: Value) -> tuple[Value, Value, Value]:
    """Returns the best logits of a level, however low."""
    return _find_above(op, logits, torch.finfo(torch.float32).min, node.topk_candidates)


def _find_best_of_each_class(op: Value, node: Value, scores: Value) -> tuple[Value, Value, Value]:
    """Returns the best scores of each class, class by class, with their anchors and classes."""
    known = op.Where(op.IsNaN(scores), 0.0, scores)
    best, rows = (op.Transpose(one) for one in keep_best(op, known, node.topk_candidates))
    found = op.NonZero(op.Greater(best, float(node.score_threshold)))
    classes, _ = op.Split(found, num_outputs=2, axis=0, _outputs=2)
    places = op.Transpose(found)
    return op.GatherND(best, places), op.GatherND(rows, places), op.Squeeze(classes, [0])


def translate_retinanet_detections(
    op: Value,
    node: Value,
    anchors: Sequence[Value],
    class_logits: Sequence[Value],
    box_deltas: Sequence[Value],
    images: Value | None = None,
) -> Sequence[Value]:
    """Picks the best anchors of every class, and moves them by their offsets."""
    per_cell = [int(map_.shape[1]) // 4 for map_ in box_deltas]
    scores = [
        op.Sigmoid(list_cells(op, map_, int(map_.shape[1]) // count))
        for map_, count in zip(class_logits, per_cell, strict=True)
    ]
    num_classes = int(class_logits[0].shape[1]) // per_cell[0]
    deltas = [list_cells(op, map_, 4) for map_ in box_deltas]
    decode = partial(decode_box_deltas, weights=node.box_weights)
    return _detect(op, node, anchors, scores, deltas, decode, images, num_classes)


def translate_fcos_detections(
    op: Value,
    node: Value,
    anchors: Sequence[Value],
    class_logits: Sequence[Value],
    edge_distances: Sequence[Value],
    centerness: Sequence[Value],
    images: Value | None = None,
) -> Sequence[Value]:
    """Picks the best cells of every class, and puts boxes around them."""
    num_classes = int(class_logits[0].shape[1])
    scores = [
        _score(op, list_cells(op, logits, num_classes), list_cells(op, central))
        for logits, central in zip(class_logits, centerness, strict=True)
    ]
    distances = [list_cells(op, map_, 4) for map_ in edge_distances]
    return _detect(op, node, anchors, scores, distances, decode_edge_distances, images, num_classes)


def _score(op: Value, logits: Value, central: Value) -> Value:
    return op.Sqrt(op.Sigmoid(logits) * op.Sigmoid(central))


def translate_dense_proposals(
    op: Value,
    node: Value,
    images: Value,
    anchors: Sequence[Value],
    class_logits: Sequence[Value],
    edge_distances: Sequence[Value],
) -> Sequence[Value]:
    """Takes the best cells as proposals."""
    logits = [
        op.ReduceMax(list_cells(op, map_, int(map_.shape[1])), [1], keepdims=1)
        for map_ in class_logits
    ]
    distances = [list_cells(op, map_, 4) for map_ in edge_distances]
    found = _detect(
        op, node, anchors, logits, distances, decode_edge_distances, images, 1, _find_best_objects
    )
    return found[:2]


def translate_ssd_detections(
    op: Value,
    node: Value,
    anchors: Sequence[Value],
    class_logits: Sequence[Value],
    box_deltas: Sequence[Value],
    images: Value | None = None,
) -> Sequence[Value]:
    """Picks the best default boxes of every class, and moves them by their offsets."""
    per_cell = [int(map_.shape[1]) // 4 for map_ in box_deltas]
    num_scores = int(class_logits[0].shape[1]) // per_cell[0]  # the background is the last one
    logits = op.Concat(*(list_cells(op, map_, num_scores) for map_ in class_logits), axis=0)
    scores = op.Slice(op.Softmax(logits, axis=1), [0], [-1], [1])
    deltas = op.Concat(*(list_cells(op, map_, 4) for map_ in box_deltas), axis=0)
    decode = partial(decode_box_deltas, weights=node.box_weights)
    places = op.Concat(*anchors, axis=0)
    find, num_classes = _find_best_of_each_class, num_scores - 1
    return _detect(op, node, [places], [scores], [deltas], decode, images, num_classes, find)


def _detect(
    op: Value,
    node: Value,
    anchors: Sequence[Value],
    scores: Sequence[Value],
    offsets: Sequence[Value],
    decode: _Decoding,
    images: Value | None,
    num_classes: int,
    find: _Finding = _find_best,
) -> Sequence[Value]:
    """Picks the detections of all levels: see `detect_each_image`."""
    levels = [
        _pick(op, *level, decode, find(op, node, level[1]))
        for level in zip(anchors, scores, offsets, strict=True)
    ]
    starts = accumulate([num_rows(op, level) for level in anchors[:-1]], lambda a, b: a + b)
    columns = [list(column) for column in zip(*levels, strict=True)]
    for level, start in enumerate(starts, 1):
        columns[3][level] = columns[3][level] + start
    boxes, best, classes, rows, chances = (op.Concat(*column, axis=0) for column in columns)
    finite = find_rows(op, find_finite_rows(op, boxes))
    if images is not None:
        boxes = clip_boxes(op, boxes, op.Squeeze(images.sizes, [0]))
    own_boxes, own_scores, own_classes = (
        pick_rows(op, values, finite) for values in (boxes, best, classes)
    )
    kept = suppress_boxes(op, own_boxes, own_scores, own_classes, num_classes, node.nms_threshold)
    chosen = pick_rows(op, finite, op.Slice(kept, [0], [node.max_per_image], [0]))
    return [pick_rows(op, values, chosen) for values in (boxes, best, classes, rows, chances)]


def _pick(
    op: Value,
    anchors: Value,
    scores: Value,
    offsets: Value,
    decode: _Decoding,
    found: tuple[Value, Value, Value],
) -> Sequence[Value]:
    """Makes boxes of what was found: boxes, scores, classes, rows and all classes' scores."""
    best, rows, classes = found
    boxes = decode(op, pick_rows(op, offsets, rows), pick_rows(op, anchors, rows))
    return boxes, best, classes, rows, pick_rows(op, scores, rows)
