"""A dataset as YOLO's label files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from composer.data.conversion.coco_writing import note_losses
from composer.data.conversion.losses import LossLog
from composer.data.conversion.outline_tracing import join_outlines, trace_outlines
from composer.data.dataset import Dataset
from composer.data.metadata import Metadata
from composer.data.records import Annotation, Box, Record
from composer.images import peek_size
from composer.structures import clip_polygon, decode_mask

YoloTask = Literal["detect", "segment", "pose"]

_DIGITS = 10  # of a fraction of the image
_FAR = 0.5  # pixels that a box may differ from the one around the outline


def choose_task(datasets: Sequence[Dataset]) -> YoloTask:
    """Keypoints if there are any, else outlines if there are any, else boxes."""
    if any(dataset.metadata.keypoint_names for dataset in datasets):
        return "pose"
    objects = (one for dataset in datasets for record in dataset for one in record.annotations)
    return "segment" if any(one.segmentation is not None for one in objects) else "detect"


@dataclass(frozen=True)
class LabelWriter:
    """Writes the objects of images as lines.

    Args:
        task: whether lines have boxes, outlines, or boxes and keypoints.
        num_keypoints: how many keypoints an object has.
        losses: takes what the format does not hold.
    """

    task: YoloTask
    num_keypoints: int
    losses: LossLog

    def write(self, record: Record) -> str:
        """The text of the label file of an image.

        Raises:
            InputError: the image, whose size nothing else has, cannot be read.
        """
        height, width = record.height, record.width
        if height is None or width is None:
            height, width = peek_size(record.file_name)
        lines = [self._to_line(one, height, width) for one in record.annotations]
        return "".join(f"{line}\n" for line in lines if line)

    def _to_line(self, annotation: Annotation, height: int, width: int) -> str:
        """The line of an object; empty if it is left out."""
        if annotation.is_crowd:
            self.losses.add("crowds, which are left out")
            return ""
        if annotation.is_difficult:
            self.losses.add("difficult objects, which are written as ordinary ones")
        if self.task != "segment" and annotation.segmentation is not None:
            self.losses.add("masks, which are left out")
        if self.task != "pose" and annotation.keypoints is not None:
            self.losses.add("keypoints, which are left out")
        if self.task == "segment":
            values = self._to_outline(annotation, height, width)
        else:
            values = self._to_box(annotation.box, height, width)
            if values and self.task == "pose":
                values += self._to_keypoints(annotation, height, width)
        return " ".join([str(annotation.category), *map(_format, values)]) if values else ""

    def _to_box(self, box: Box, height: int, width: int) -> list[float]:
        """The centre and the size of a box, cut to the image, in fractions."""
        x0, x1 = (min(max(x, 0.0), width) / width for x in box[0::2])
        y0, y1 = (min(max(y, 0.0), height) / height for y in box[1::2])
        if not (x1 > x0 and y1 > y0):
            self.losses.add("boxes outside of their images, which are left out")
            return []
        if box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
            self.losses.add("boxes that reach beyond their images, which are cut")
        return [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]

    def _to_outline(self, annotation: Annotation, height: int, width: int) -> list[float]:
        """One outline, in fractions; of an object without a mask, that of its box."""
        parts = self._list_outlines(annotation, height, width)
        if not parts:
            self.losses.add("objects without a mask, whose outline is that of their box")
            x0, y0, x1, y1 = annotation.box
            parts = self._clip([[x0, y0, x1, y0, x1, y1, x0, y1]], height, width)
        if not parts:
            self.losses.add("objects outside of their images, which are left out")
            return []
        if len(parts) > 1:
            self.losses.add("objects of several outlines, which are joined by lines of no width")
        outline = join_outlines(parts)
        around = min(outline[0::2]), min(outline[1::2]), max(outline[0::2]), max(outline[1::2])
        if np.abs(np.subtract(around, annotation.box)).max() > _FAR:
            self.losses.add("boxes that are not the ones around their outlines, which are left out")
        return [value / (height if index % 2 else width) for index, value in enumerate(outline)]

    def _list_outlines(self, annotation: Annotation, height: int, width: int) -> list[list[float]]:
        masked = annotation.segmentation
        if isinstance(masked, Mapping):
            self.losses.add("masks of pixels, which are written as outlines along their edges")
            return trace_outlines(decode_mask(masked))
        return self._clip([list(part) for part in masked or ()], height, width)

    def _clip(self, parts: list[list[float]], height: int, width: int) -> list[list[float]]:
        """Outlines cut to the image."""
        found: list[list[float]] = []
        for part in parts:
            corners = min(part), max(part[0::2]), max(part[1::2])
            if corners[0] >= 0 and corners[1] <= width and corners[2] <= height:
                found.append(part)
                continue
            self.losses.add("outlines that reach beyond their images, which are cut")
            pieces = clip_polygon(np.asarray(part, dtype=np.float64), width, height)
            found += [piece.tolist() for piece in pieces]
        return found

    def _to_keypoints(self, annotation: Annotation, height: int, width: int) -> Iterator[float]:
        """x, y and visibility of each keypoint; zeros where it is not labelled."""
        if annotation.keypoints is None:
            self.losses.add(
                "objects without keypoints, whose keypoints are written as not labelled"
            )
            yield from [0.0] * (3 * self.num_keypoints)
            return
        flat = annotation.keypoints
        for x, y, visibility in zip(flat[0::3], flat[1::3], flat[2::3], strict=True):
            inside = 0 <= x <= width and 0 <= y <= height
            if visibility and not inside:
                self.losses.add("keypoints outside of their images, which are not labelled")
            known = bool(visibility) and inside
            yield from (x / width, y / height, visibility) if known else (0.0, 0.0, 0.0)


def _format(value: float) -> str:
    return f"{min(max(value, 0.0), 2.0):.{_DIGITS}f}".rstrip("0").rstrip(".")


def describe_yolo(metadata: Metadata, splits: Mapping[str, Path], task: YoloTask) -> dict[str, Any]:
    """The content of `data.yaml`.

    Args:
        metadata: of the datasets.
        splits: the folder of the images of each split, relative to the file.
        task: what the label files have.
    """
    found: dict[str, Any] = {split: path.as_posix() for split, path in splits.items()}
    found["names"] = dict(enumerate(metadata.thing_classes))
    if task == "pose":
        found["kpt_shape"] = [len(metadata.keypoint_names), 3]
        if metadata.can_be_mirrored:
            found["flip_idx"] = list(metadata.keypoint_flip_indices)
        names = {index: list(metadata.keypoint_names) for index in found["names"]}
        found["kpt_names"] = names
    return found


def note_yolo_losses(dataset: Dataset, task: YoloTask, losses: LossLog) -> None:
    """Notes what the label files of a whole dataset do not hold."""
    note_losses(dataset, losses)
    if task == "pose":
        lines = dataset.metadata.keypoint_connections
        losses.add("lines between keypoints, which are left out", len(lines))
