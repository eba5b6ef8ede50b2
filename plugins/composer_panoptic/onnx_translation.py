"""Merging of instances and semantic segmentation in ONNX, one segment after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from composer.translation import (
    BOOL,
    FLOAT,
    INT32,
    INT64,
    Value,
    build_body,
    find_rows,
    num_rows,
    pick_rows,
)

_DOUBLE = 11


def translate_panoptic(
    op: Value, node: Value, instances: Sequence[Value], sem_seg: Sequence[Value]
) -> Sequence[Value]:
    """Gives each pixel to the best instance there, or else to its semantic class.

    Returns:
        The tensors of `PanopticSegmentation.list_tensors`.
    """
    found, logits = instances[0].get_fields(), sem_seg[0]
    masks, scores = (getattr(found[n], "tensor", found[n]) for n in ("pred_masks", "scores"))
    semantic = op.ArgMax(logits, axis=0, keepdims=0)
    empty = op.Expand(op.Cast(op.Constant(value_int=0), to=INT32), op.Shape(semantic))
    _, order = op.TopK(scores, num_rows(op, scores), axis=0, _outputs=2)
    things, kept_things = _add_things(op, node, masks, scores, order, empty)
    instance_ids = pick_rows(op, order, find_rows(op, kept_things))
    whole, kept_stuff, areas = _add_stuff(op, node, things, semantic, int(logits.shape[0]))
    stuff = find_rows(op, kept_stuff)
    categories = op.Concat(
        pick_rows(op, found["pred_classes"], instance_ids), stuff + 1, axis=0
    )  # the first class stands for all things
    no_stuff = op.Expand(op.Constant(value_int=0), num_rows(op, stuff))
    no_things = op.Expand(op.Constant(value_int=0), num_rows(op, instance_ids))
    are_things = op.Cast(op.Concat(no_things + 1, no_stuff, axis=0), to=BOOL)
    kept_scores = pick_rows(op, scores, instance_ids)
    all_scores = op.Concat(kept_scores, op.Cast(no_stuff, to=FLOAT), axis=0)
    all_areas = op.Concat(no_things, pick_rows(op, areas, stuff), axis=0)
    all_instances = op.Concat(instance_ids, no_stuff - 1, axis=0)
    return [whole, categories, are_things, all_scores, all_areas, all_instances]


def _add_things(
    op: Value, node: Value, masks: Value, scores: Value, order: Value, empty: Value
) -> Sequence[Value]:
    """Adds the instances, best first; pixels of an earlier one stay with it.

    Returns:
        The segment of each pixel, and for each place in the order whether its instance is kept.
    """

    def add(op: Value, place: Value, is_going: Value, segments: Value, count: Value) -> Any:
        row = op.Gather(order, place)
        mask = op.Cast(op.Gather(masks, row), to=BOOL)
        free = op.And(mask, op.Equal(segments, op.CastLike(0, segments)))
        area, free_area = _count(op, mask), _count(op, free)
        taken = op.Cast(area - free_area, to=_DOUBLE) / op.Cast(op.Max(area, 1), to=_DOUBLE)
        limit = op.Cast(op.Constant(value_float=float(node.overlap_threshold)), to=_DOUBLE)
        is_free = op.And(op.Greater(area, 0), op.LessOrEqual(taken, limit))
        likely = op.GreaterOrEqual(
            op.Gather(scores, row), float(node.instances_confidence_threshold)
        )
        is_kept = op.And(is_free, likely)
        return [*_mark(op, is_going, segments, count, free, is_kept), is_kept]

    return _loop(op, num_rows(op, order), empty, op.Constant(value_int=0), add, [BOOL])[0::2]


def _add_stuff(
    op: Value, node: Value, things: Value, semantic: Value, num_classes: int
) -> Sequence[Value]:
    """Adds the semantic classes where no instance is.

    Returns:
        The segment of each pixel, and for each class but the first whether it is kept, and its
        area.
    """
    is_free = op.Equal(things, op.CastLike(0, things))
    least = max(node.stuff_area_limit, 1)

    def add(op: Value, place: Value, is_going: Value, segments: Value, count: Value) -> Any:
        mask = op.And(op.Equal(semantic, place + 1), is_free)
        area = _count(op, mask)
        is_kept = op.GreaterOrEqual(area, least)
        return [*_mark(op, is_going, segments, count, mask, is_kept), is_kept, op.Identity(area)]

    start = op.Cast(op.ReduceMax(things, keepdims=0), to=INT64)
    times = op.Constant(value_ints=[num_classes - 1])
    whole, _, *kept = _loop(op, times, things, start, add, [BOOL, INT64])
    return whole, *kept


def _mark(
    op: Value, is_going: Value, segments: Value, count: Value, mask: Value, is_kept: Value
) -> list[Value]:
    """The state after a segment: whether to go on, the segments, and how many there are."""
    number = count + op.Cast(is_kept, to=INT64)
    marked = op.Where(op.And(mask, is_kept), op.Cast(number, to=INT32), segments)
    return [op.Identity(is_going), marked, number]


def _count(op: Value, mask: Value) -> Value:
    return op.ReduceSum(op.Cast(mask, to=INT64), keepdims=0)


def _loop(
    op: Value,
    times: Value,
    segments: Value,
    count: Value,
    step: Callable[..., Any],
    gathered: Sequence[int],
) -> Sequence[Value]:
    """Runs a step several times; returns the last state, and what every step added to it."""
    state = [("segments", INT32, ["height", "width"]), ("count", INT64, [])]
    after = [("marked", INT32, ["height", "width"]), ("number", INT64, [])]
    added = [(f"added_{index}", kind, ()) for index, kind in enumerate(gathered)]
    body = build_body(op, step, state, [*after, *added])
    is_going = op.Cast(op.Constant(value_int=1), to=BOOL)
    found: Sequence[Value] = op.Loop(
        op.Squeeze(times, [0]), is_going, segments, count, body=body, _outputs=2 + len(gathered)
    )
    return found
