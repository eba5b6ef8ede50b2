"""Compares the outputs of two models: detections matched, lost and new, and other values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from composer.comparison.leaves import ValueDifference, compare_values
from composer.comparison.matching import find_overlaps, pair_best
from composer.comparison.plain_numbers import plain_number
from composer.structures import Boxes, Instances, RotatedBoxes

_PAIRED_IOU = 0.5
_BOXES, _SCORES, _CLASSES = (
    ("pred_boxes", "proposal_boxes"),
    ("scores", "objectness_logits"),
    ("pred_classes",),
)


ClassNames = tuple[Sequence[str], Sequence[str]]
"""The names of the classes of both models; empty ones where they have none."""

_NO_NAMES: ClassNames = ((), ())


@dataclass(frozen=True)
class Detection:
    """A detection of one model.

    Args:
        image: index of its image.
        index: its index among the detections of its image.
        label: name or number of its class; empty if it has none.
        score: its score; None if it has none.
        box: its box.
    """

    image: int
    index: int
    label: str
    score: float | None
    box: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """The detection as plain values."""
        box = [plain_number(each) for each in self.box]
        return {**asdict(self), "score": plain_number(self.score), "box": box}

    def __str__(self) -> str:
        score = "" if self.score is None else f" {self.score:.2f}"
        box = ", ".join(f"{each:.0f}" for each in self.box)
        image = f"image {self.image}, " if self.image else ""
        return f"{image}[{self.index}] {self.label or 'object'}{score} at {box}"


@dataclass(frozen=True)
class DetectionComparison:
    """How the detections of two models match: of one class, with an IoU of at least 0.5.

    Args:
        num_one: detections of the first model.
        num_other: detections of the second.
        num_matched: pairs.
        lost: those of the first model that the second lacks.
        new: those that only the second has.
        min_iou: the least IoU of a pair; None without pairs.
        max_score_difference: the largest difference of scores in a pair; None without pairs.
        pairs: the difference of all fields of the pairs.
    """

    num_one: int
    num_other: int
    num_matched: int
    lost: tuple[Detection, ...]
    new: tuple[Detection, ...]
    min_iou: float | None
    max_score_difference: float | None
    pairs: ValueDifference

    def is_within(self, tolerance: float) -> bool:
        """Whether none is lost or new, and pairs are the same up to a relative tolerance."""
        return not self.lost and not self.new and self.pairs.is_within(tolerance)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values."""
        found = {key: plain_number(value) for key, value in asdict(self).items()}
        return {
            **found,
            "lost": [each.to_dict() for each in self.lost],
            "new": [each.to_dict() for each in self.new],
            "pairs": self.pairs.to_dict(),
        }

    def __str__(self) -> str:
        text = f"{self.num_matched} of {self.num_one} detections matched"
        text += f", {len(self.lost)} lost, {len(self.new)} new"
        if self.min_iou is not None:
            text += f"; IoU of {self.min_iou:.4f} or more"
        if self.max_score_difference is not None:
            text += f", scores within {self.max_score_difference:.1e}"
        return text


@dataclass(frozen=True)
class OutputComparison:
    """One output of two models.

    Args:
        name: its name.
        detections: how its detections match, if it has some.
        difference: the difference of everything else, if there is something.
    """

    name: str
    detections: DetectionComparison | None = None
    difference: ValueDifference | None = None

    def is_within(self, tolerance: float) -> bool:
        """Whether the outputs are the same up to a relative tolerance."""
        parts = (self.detections, self.difference)
        return all(each is None or each.is_within(tolerance) for each in parts)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "name": self.name,
            "detections": None if self.detections is None else self.detections.to_dict(),
            "difference": None if self.difference is None else self.difference.to_dict(),
        }

    def __str__(self) -> str:
        return f"{self.name}: " + "; ".join(
            str(each) for each in (self.detections, self.difference) if each is not None
        )


def compare_outputs(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    class_names: ClassNames = _NO_NAMES,
) -> tuple[OutputComparison, ...]:
    """Compares outputs by name.

    Args:
        one: those of the first model.
        other: those of the second.
        class_names: the names of the classes of both models, by which detections are matched
            where both have names.
    """
    found = []
    for name in dict.fromkeys([*one, *other]):
        if name not in one or name not in other:
            which = "second" if name in other else "first"
            remark = ValueDifference(remark=f"in the {which} only")
            found.append(OutputComparison(name, difference=remark))
            continue
        ours, theirs = _list_instances(one[name]), _list_instances(other[name])
        if ours is None or theirs is None or len(ours) != len(theirs):
            difference = compare_values(one[name], other[name])
            found.append(OutputComparison(name, difference=difference))
        else:
            found.append(OutputComparison(name, match_images(ours, theirs, class_names)))
    return tuple(found)


def _list_instances(value: Any) -> list[Instances] | None:
    """The detections of each image; None if the value is something else."""
    images = value if isinstance(value, list) else []
    if images and all(isinstance(each, Instances) and _find(each, _BOXES) for each in images):
        return list(images)
    return None


def match_images(
    one: Sequence[Instances], other: Sequence[Instances], class_names: ClassNames = _NO_NAMES
) -> DetectionComparison:
    """Pairs the detections of several images, the best IoU first.

    Args:
        one: detections of the first model.
        other: detections of the second, of the same images.
        class_names: the names of the classes of both models.
    """
    lost: list[Detection] = []
    new: list[Detection] = []
    ious: list[float] = []
    scores: list[float] = []
    aligned: tuple[list[Instances], list[Instances]] = ([], [])
    for image, (ours, theirs) in enumerate(zip(one, other, strict=True)):
        pairs = list(_pair(ours, theirs, class_names))
        rows, columns = [row for _, row, _ in pairs], [column for _, _, column in pairs]
        ious += [iou for iou, _, _ in pairs]
        scores += _compare_scores(ours, rows, theirs, columns)
        lost += _describe_others(ours, rows, image, class_names[0])
        new += _describe_others(theirs, columns, image, class_names[1])
        aligned[0].append(ours[torch.tensor(rows, dtype=torch.long)])
        aligned[1].append(theirs[torch.tensor(columns, dtype=torch.long)])
    return DetectionComparison(
        num_one=sum(map(len, one)),
        num_other=sum(map(len, other)),
        num_matched=len(ious),
        lost=tuple(lost),
        new=tuple(new),
        min_iou=min(ious, default=None),
        max_score_difference=max(scores, default=None),
        pairs=compare_values(*aligned),
    )


def _find(instances: Instances, names: Sequence[str]) -> str:
    return next((name for name in names if instances.has(name)), "")


def _pair(
    one: Instances, other: Instances, class_names: ClassNames
) -> Iterator[tuple[float, int, int]]:
    boxes = one.get(_find(one, _BOXES)), other.get(_find(other, _BOXES))
    if type(boxes[0]) is not type(boxes[1]):
        return
    overlaps, allowed = find_overlaps(*boxes), None
    classes = _find(one, _CLASSES)
    if classes and other.has(classes):
        theirs = _translate_classes(other.get(classes), class_names)
        allowed = one.get(classes)[:, None] == theirs[None]
    for row, column in sorted(pair_best(overlaps, _PAIRED_IOU, allowed)):
        yield float(overlaps[row, column]), row, column


def _translate_classes(classes: Tensor, class_names: ClassNames) -> Tensor:
    """Classes of the second model as those of one name in the first; -1 where there is none."""
    ours, theirs = class_names
    if not ours or not theirs or ours == theirs:
        return classes
    index = {name: number for number, name in enumerate(ours)}
    found = [index.get(theirs[each], -1) if each < len(theirs) else -1 for each in classes.tolist()]
    return torch.tensor(found, dtype=classes.dtype, device=classes.device)


def _compare_scores(
    one: Instances, rows: Sequence[int], other: Instances, columns: Sequence[int]
) -> list[float]:
    name = _find(one, _SCORES)
    if not name or not other.has(name):
        return []
    ours: Tensor = one.get(name).double()
    theirs: Tensor = other.get(name).double()
    pairs = zip(rows, columns, strict=True)
    return [abs(float(ours[row]) - float(theirs[column])) for row, column in pairs]


def _describe_others(
    instances: Instances, matched: Sequence[int], image: int, class_names: Sequence[str]
) -> list[Detection]:
    """The detections that are not among the matched ones."""
    boxes: Boxes | RotatedBoxes = instances.get(_find(instances, _BOXES))
    scores, classes = _find(instances, _SCORES), _find(instances, _CLASSES)
    found = []
    for index in sorted({*range(len(instances))}.difference(matched)):
        label = "" if not classes else str(int(instances.get(classes)[index]))
        if label and int(label) < len(class_names):
            label = class_names[int(label)]
        elif label:
            label = f"class {label}"
        score = float(instances.get(scores)[index]) if scores else None
        box = tuple([float(each) for each in boxes.tensor[index]])
        found.append(Detection(image, index, label, score, box))
    return found
