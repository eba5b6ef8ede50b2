"""Differences between the outputs of two ways: the largest error, or how detections match.

Legend: R detections of one way, S of the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from composer.comparison import find_overlaps, pair_best
from composer.structures import Instances, iterate_tensors

_PAIRED_IOU, _MATCHED_IOU, _MATCHED_SCORE = 0.5, 0.99, 1e-3


@dataclass(frozen=True)
class Matching:
    """How detections match those of another way, of the same class and one by one.

    Args:
        num_expected: detections of the eager graph.
        num_found: those of the other way.
        num_matched: pairs with an IoU of at least 0.99, and scores within 0.001.
        num_paired: pairs with an IoU of at least 0.5.
        min_iou: the least IoU of a pair; None without pairs.
        max_score_difference: the largest difference of scores in a pair; None without pairs.
    """

    num_expected: int
    num_found: int
    num_matched: int
    num_paired: int
    min_iou: float | None
    max_score_difference: float | None


@dataclass(frozen=True)
class Difference:
    """The difference of one output.

    Args:
        output: its name.
        largest: the largest error; None if there are only detections, or the shapes differ.
        maximum: the largest absolute value of the eager graph.
        matching: how detections match, if it has some.
        remark: why there is no error, or an empty text.
    """

    output: str
    largest: float | None = None
    maximum: float | None = None
    matching: Matching | None = None
    remark: str = ""

    @property
    def relative(self) -> float | None:
        """The largest error, relative to the maximum."""
        if self.largest is None or self.maximum is None:
            return None
        return self.largest / self.maximum if self.maximum else self.largest

    def to_json(self) -> dict[str, Any]:
        """The difference as a value that `json.dumps` takes."""
        return {**asdict(self), "relative": self.relative}

    def __str__(self) -> str:
        parts = [] if self.relative is None else [f"{self.relative:.1e} of the maximum"]
        if (match := self.matching) is not None:
            parts.append(f"{match.num_matched} of {match.num_expected} detections matched")
            if match.num_found != match.num_expected:
                parts.append(f"{match.num_found} found")
            if match.min_iou is not None:
                parts.append(f"IoU of {match.min_iou:.4f}, score within {_score(match)}")
        return ", ".join([*parts, *filter(None, [self.remark])])


def _score(matching: Matching) -> str:
    return f"{matching.max_score_difference or 0.0:.1e}"


def compare_values(expected: Any, found: Any, *, name: str = "output") -> list[Difference]:
    """Compares the outputs of two ways.

    Args:
        expected: the outputs of the eager graph; of a list of dicts, each key is an output.
        found: those of the other way.
        name: of an output that has no name.
    """
    pairs = _split(expected, found, name)
    return [_compare(each, [*pair]) for each, pair in pairs.items()]


def _split(expected: Any, found: Any, name: str) -> dict[str, list[tuple[Any, Any]]]:
    """The pairs of values that belong to each output."""
    pairs: dict[str, list[tuple[Any, Any]]] = {}
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key, value in expected.items():
            pairs.setdefault(str(key), []).append((value, found.get(key)))
        return pairs
    if _is_list(expected) and _is_list(found) and len(expected) == len(found):
        for one, other in zip(expected, found, strict=True):
            for key, inner in _split(one, other, name).items():
                pairs.setdefault(key, []).extend(inner)
        return pairs
    return {name: [(expected, found)]}


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _compare(name: str, pairs: Sequence[tuple[Any, Any]]) -> Difference:
    detections = [pair for pair in pairs if _are_detections(*pair)]
    rest = [pair for pair in pairs if not _are_detections(*pair)]
    matching = _join([match_detections(*pair) for pair in detections]) if detections else None
    largest = maximum = 0.0
    compared = 0
    for one, other in rest:
        left, right = list(iterate_tensors(one)), list(iterate_tensors(other))
        if [each.shape for each in left] != [each.shape for each in right]:
            return Difference(name, matching=matching, remark="shapes differ")
        for a, b in zip(left, right, strict=True):
            compared += 1
            largest, maximum = max(largest, _distance(a, b)), max(maximum, _peak(a))
    if not compared:
        return Difference(name, matching=matching, remark="" if detections else "no tensors")
    return Difference(name, largest, maximum, matching)


def _distance(one: Tensor, other: Tensor) -> float:
    if not one.numel():
        return 0.0
    a, b = one.detach().double().cpu(), other.detach().double().cpu()
    apart = torch.where(a == b, 0.0, (a - b).abs())  # equal infinities are no difference
    return float(apart.nan_to_num(nan=math.inf, posinf=math.inf).max())


def _peak(tensor: Tensor) -> float:
    finite = tensor.detach().double().cpu().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return float(finite.abs().max()) if tensor.numel() else 0.0


def _are_detections(one: Any, other: Any) -> bool:
    return all(
        isinstance(each, Instances) and all(map(each.has, ("pred_boxes", "scores", "pred_classes")))
        for each in (one, other)
    )


def match_detections(expected: Instances, found: Instances) -> Matching:
    """Pairs detections with those of another way: of one class, the best IoU first.

    Args:
        expected: detections of the eager graph, with `pred_boxes`, `scores` and `pred_classes`.
        found: those of the other way.
    """
    overlaps = find_overlaps(expected.pred_boxes, found.pred_boxes)
    is_of_one_class = expected.pred_classes[:, None] == found.pred_classes[None]
    pairs = list(pair_best(overlaps, _PAIRED_IOU, is_of_one_class))
    ious = [float(overlaps[row, column]) for row, column in pairs]
    apart = [abs(float(expected.scores[r]) - float(found.scores[c])) for r, c in pairs]
    num_matched = sum(
        iou >= _MATCHED_IOU and score <= _MATCHED_SCORE
        for iou, score in zip(ious, apart, strict=True)
    )
    least, most = min(ious, default=None), max(apart, default=None)
    return Matching(len(expected), len(found), num_matched, len(pairs), least, most)


def _join(found: Sequence[Matching]) -> Matching:
    """The matchings of several images as one."""
    ious = [each.min_iou for each in found if each.min_iou is not None]
    scores = [each.max_score_difference for each in found if each.max_score_difference is not None]
    return Matching(
        num_expected=sum(each.num_expected for each in found),
        num_found=sum(each.num_found for each in found),
        num_matched=sum(each.num_matched for each in found),
        num_paired=sum(each.num_paired for each in found),
        min_iou=min(ious, default=None),
        max_score_difference=max(scores, default=None),
    )
