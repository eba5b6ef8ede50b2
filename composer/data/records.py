"""What is known of the images of a dataset before any of them is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

ImageId = int | str
AnnotationId = int | str
Box = tuple[float, float, float, float]
Polygons = Sequence[Sequence[float]]
RunLengths = Mapping[str, Any]  # in any of COCO's forms, of which one is compressed

RotatedBox = tuple[float, float, float, float, float]

_XYXY_ABS, _XYWHA_ABS = 0, 4  # of `BoxMode`


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotated object.

    Args:
        box: x0, y0, x1, y1 in pixels of the image, as the dataset has it (not clipped).
        category: index into the dataset's `thing_classes`.
        segmentation: the outlines, each a flat list x0, y0, x1, y1, ...; or a compressed run-length
            encoding in COCO's form (`{"size": [height, width], "counts": ...}`); or None.
        keypoints: flat x, y, v for each of the dataset's keypoints; v is 0 for one that is not
            labelled, 1 for one that is hidden, 2 for one that is visible. Or None.
        is_crowd: whether it stands for a group of objects; such a one is no training target.
        is_difficult: whether it is left out of training and not counted in evaluation (VOC).
        area: of the object in square pixels, as the dataset has it.
        annotation_id: the dataset's own.
        rotated_box: centre x, centre y, width and height in pixels and degrees counter-clockwise,
            where the dataset has such boxes; `box` is the upright one around it.
    """

    box: Box
    category: int
    segmentation: Polygons | RunLengths | None = None
    keypoints: Sequence[float] | None = None
    is_crowd: bool = False
    is_difficult: bool = False
    area: float | None = None
    annotation_id: AnnotationId | None = None
    rotated_box: RotatedBox | None = None

    @property
    def size(self) -> float:
        """The annotated area, else that of the mask, else of the box, in square pixels."""
        if self.area is not None:
            return self.area
        if self.segmentation is not None:
            return _measure(self.segmentation)
        if self.rotated_box is not None:
            return self.rotated_box[2] * self.rotated_box[3]
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * (y1 - y0)

    def as_dict(self) -> dict[str, Any]:
        """The annotation under detectron2's names."""
        found: dict[str, Any] = {
            "bbox": list(self.box if self.rotated_box is None else self.rotated_box),
            "bbox_mode": _XYXY_ABS if self.rotated_box is None else _XYWHA_ABS,
            "category_id": self.category,
            "iscrowd": int(self.is_crowd),
        }
        if self.segmentation is not None:
            found["segmentation"] = self.segmentation
        if self.keypoints is not None:
            found["keypoints"] = list(self.keypoints)
        return found


def _measure(segmentation: Polygons | RunLengths) -> float:
    """The area of a mask, in square pixels."""
    from composer.structures import measure_mask, measure_polygon  # imports much

    if isinstance(segmentation, Mapping):
        size, counts = segmentation["size"], segmentation["counts"]
        return float(measure_mask({"size": list(size), "counts": counts}))
    parts = [np.asarray(part, dtype=np.float64) for part in segmentation]
    return sum(measure_polygon(part[: len(part) // 2 * 2]) for part in parts)


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a panoptic annotation.

    Args:
        segment_id: its value in the panoptic label image.
        category: index into `thing_classes` of a thing, into `stuff_classes` of stuff.
        is_thing: whether it is an object that can be counted.
        is_crowd: whether it stands for a group of objects.
        area: in pixels, as the dataset has it.
    """

    segment_id: int
    category: int
    is_thing: bool
    is_crowd: bool = False
    area: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The segment under detectron2's names."""
        return {
            "id": self.segment_id,
            "category_id": self.category,
            "isthing": self.is_thing,
            "iscrowd": int(self.is_crowd),
            "area": self.area,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Regions of one image that may have an object, computed before, for Fast R-CNN.

    Args:
        boxes: x0, y0, x1, y1 in pixels of the image, a row for each of the P proposals.
        objectness_logits: how sure each is; any scale, the larger the surer.
    """

    boxes: Float[np.ndarray, "P 4"]
    objectness_logits: Float[np.ndarray, " P"]


@dataclass(frozen=True, slots=True)
class Record:
    """One image and what is annotated on it.

    Args:
        file_name: the image file.
        image_id: the dataset's own.
        height: rows of the image as the dataset has it, or None if it does not say.
        width: its columns.
        annotations: its objects.
        sem_seg_file: label image whose values are semantic classes (indices into `stuff_classes`).
        panoptic_file: label image whose values are ids of segments, in COCO's colours.
        segments: the segments of that label image.
        proposals: regions that may have an object, where they were computed before.
        sample_range: of an image of more than 8 bits, the samples that are black and white, where
            the file does not say it.
        extra: what only some datasets know. LVIS: `neg_categories` and
            `not_exhaustive_categories`, tuples of indices into `thing_classes`.
    """

    file_name: Path
    image_id: ImageId
    height: int | None = None
    width: int | None = None
    annotations: tuple[Annotation, ...] = ()
    sem_seg_file: Path | None = None
    panoptic_file: Path | None = None
    segments: tuple[Segment, ...] = ()
    proposals: Proposals | None = None
    sample_range: tuple[float, float] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The record as one of detectron2's dataset dicts."""
        found: dict[str, Any] = {
            "file_name": os.fspath(self.file_name),
            "image_id": self.image_id,
            "height": self.height,
            "width": self.width,
            "annotations": [annotation.as_dict() for annotation in self.annotations],
        }
        if self.sem_seg_file is not None:
            found["sem_seg_file_name"] = os.fspath(self.sem_seg_file)
        if self.panoptic_file is not None:
            found["pan_seg_file_name"] = os.fspath(self.panoptic_file)
            found["segments_info"] = [segment.as_dict() for segment in self.segments]
        if self.proposals is not None:
            found["proposal_boxes"] = self.proposals.boxes
            found["proposal_objectness_logits"] = self.proposals.objectness_logits
            found["proposal_bbox_mode"] = _XYXY_ABS
        return {**self.extra, **found}
