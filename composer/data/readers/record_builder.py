"""Builds records from the images and objects that a reader finds, and checks each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultKind, FaultLog
from composer.data.json_values import are_numbers
from composer.data.metadata import Metadata
from composer.data.readers.annotation_forms import (
    describe_outside,
    enclose,
    is_wholly_outside,
    list_parts_outside,
    to_keypoints,
    to_segmentation,
)
from composer.data.readers.image_finder import ImageFinder
from composer.data.records import Annotation, AnnotationId, Box, ImageId, Record
from composer.images import ImageFileError, peek_size
from composer.names import describe_shared_names, find_alike, hint_at


@dataclass
class FoundImage:
    """An image, and the objects that were found on it.

    Args:
        file: the image file.
        image_id: the dataset's own.
        height: rows of the image, where they are known.
        width: its columns.
        num_keypoints: keypoints that an object has; 0 for none.
        log: takes the faults.
    """

    file: Path
    image_id: ImageId
    height: int | None
    width: int | None
    num_keypoints: int
    log: FaultLog
    objects: list[tuple[str | int, Annotation]] = field(default_factory=list)

    def add(
        self,
        label: str | int,
        box: Sequence[float] | None = None,
        *,
        segmentation: object = None,
        keypoints: Sequence[float] | None = None,
        is_crowd: bool = False,
        is_difficult: bool = False,
        annotation_id: AnnotationId | None = None,
        place: str = "",
    ) -> None:
        """Adds an object; one that cannot be used is a fault and is left out.

        Args:
            label: the name of its class, or its index.
            box: x0, y0, x1, y1 in pixels; by default that of its outlines.
            segmentation: outlines or run lengths, in COCO's forms.
            keypoints: flat x, y, visibility.
            is_crowd: whether it stands for a group of objects.
            is_difficult: whether it is left out of training and not counted in evaluation.
            annotation_id: the dataset's own.
            place: where it is annotated, for messages: `line 3`.
        """
        try:
            masked = self._read_mask(segmentation, box is not None, place)
            corners = to_corners(enclose(masked) if box is None else box)
            if is_wholly_outside(corners, self.height, self.width):
                outside = describe_outside(corners, self.height, self.width)
                raise BadPart("box_outside", outside or "the box is outside the image")
            found = Annotation(
                corners,
                category=0,
                segmentation=masked,
                keypoints=self._read_keypoints(keypoints, place),
                is_crowd=is_crowd,
                is_difficult=is_difficult,
                annotation_id=annotation_id,
            )
        except BadPart as bad:
            self.note(bad.kind, bad.message, place)
            return
        for kind, outside in list_parts_outside(found, self.height, self.width):
            self.note(kind, outside, place)
        self.objects.append((label, found))

    def confirm_size(self) -> tuple[int, int]:
        """The (height, width) of the image, which masks of pixels are made in.

        Raises:
            BadPart: the file is of another size than the annotations say.
        """
        size = read_size(self.file)
        if size != (self.height, self.width):
            message = (
                f"the mask is for {self.width} x {self.height}, the image {size[1]} x {size[0]}"
            )
            raise BadPart("bad_mask", message)
        return size

    def note(self, kind: FaultKind, message: str, place: str = "") -> None:
        """Notes a fault of this image."""
        self.log.add(kind, f"{place}: {message}" if place else message, self.file.name)

    def _read_mask(self, segmentation: object, has_box: bool, place: str) -> Any:
        if segmentation is None:
            return None
        try:
            return to_segmentation(segmentation, self.height, self.width)
        except BadPart as bad:
            if not has_box:
                raise
            self.note(bad.kind, f"{bad.message}; the box stays", place)
            return None

    def _read_keypoints(
        self, keypoints: Sequence[float] | None, place: str
    ) -> Sequence[float] | None:
        if keypoints is None or not self.num_keypoints:
            return None
        try:
            return to_keypoints(keypoints, self.num_keypoints)
        except BadPart as bad:
            self.note(bad.kind, f"{bad.message}; the box stays", place)
            return None


class DatasetBuilder:
    """Collects images and their objects, and makes a dataset of them.

    Args:
        classes: names of the classes in order; None takes those that objects have, sorted.
        first_id: the dataset's own id of the first class.
        keypoint_names: names of the keypoints that objects have.
        flip_pairs: pairs of keypoints that change places in a mirror.
        no_flip_pairs: whether it is known that none does.
        connections: pairs of keypoints to draw a line between.
        log: takes the faults; it may have some already.
    """

    def __init__(
        self,
        classes: Sequence[str] | None = None,
        *,
        first_id: int = 1,
        keypoint_names: Sequence[str] = (),
        flip_pairs: Sequence[tuple[int, int]] = (),
        no_flip_pairs: bool = False,
        connections: Sequence[tuple[int, int]] = (),
        log: FaultLog | None = None,
    ) -> None:
        self.log = FaultLog() if log is None else log
        self._classes = classes
        self._first_id = first_id
        self._metadata = Metadata(
            keypoint_names=tuple(keypoint_names),
            keypoint_flip_pairs=tuple(flip_pairs),
            no_flip_pairs=no_flip_pairs,
            keypoint_connections=tuple(connections),
        )
        self._images: dict[ImageId, FoundImage] = {}
        self._unknown: dict[str | int, str] = {}

    def add_image(
        self, file: Path, image_id: ImageId, height: int | None = None, width: int | None = None
    ) -> FoundImage:
        """Adds an image, or returns the one of the file that has this id already.

        Of two files with one id, the second is called by its path, which is noted.
        """
        known = self._images.get(image_id)
        if known is not None and os.path.abspath(known.file) != os.path.abspath(file):
            message = (
                f"{known.file.name} has the id {image_id}, too; this one is called by its path"
            )
            self.log.add("duplicate_id", message, file.name)
            return self.add_image(file, file.as_posix(), height, width)
        if known is None:
            count = len(self._metadata.keypoint_names)
            known = FoundImage(file, image_id, height, width, count, self.log)
            self._images[image_id] = known
        return known

    def find_image(
        self,
        finder: ImageFinder,
        name: str,
        *,
        size: tuple[int, int] | None = None,
        to_id: Callable[[Path], ImageId] | None = None,
        place: str | None = None,
    ) -> FoundImage | None:
        """Adds the image of a name; None if there is none that can be read, which is a fault.

        Args:
            finder: finds its file.
            name: what the annotations call it.
            size: (height, width) as the annotations have it; by default that of the file.
            to_id: makes the dataset's own id of the file; by default it is the name.
            place: where it is named, for a message on one without a name: `task 3`.
        """
        try:
            file = finder.find(name)
            height, width = size or read_size(file)
        except BadPart as bad:
            self.log.add(bad.kind, bad.message, name or None, entry=None if name else place)
            return None
        return self.add_image(file, name if to_id is None else to_id(file), height, width)

    def list_labels(self) -> set[str | int]:
        """The classes of all objects, as they were added."""
        return {label for image in self._images.values() for label, _ in image.objects}

    def build(self, name: str, classes: Sequence[str] | None = None) -> Dataset:
        """The dataset of all images, in the order in which they were added.

        Args:
            name: what it is called.
            classes: names of the classes, where they were not known before.
        """
        images = self._images.values()
        if classes is None:
            classes = self._classes
        if classes is None:
            classes = sorted(str(label) for label in self.list_labels())
        has_masks = any(a.segmentation for image in images for _, a in image.objects)
        numbers: dict[str | int, int] = {index: index for index in range(len(classes))}
        numbers |= {label: index for index, label in reversed(list(enumerate(classes)))}
        metadata = replace(
            self._metadata,
            thing_classes=tuple(classes),
            thing_ids=tuple(range(self._first_id, self._first_id + len(classes))),
            has_masks=has_masks,
        )
        records = tuple(self._make_record(image, numbers, has_masks) for image in images)
        for number, label in zip(metadata.thing_ids, classes, strict=True):
            if not label.strip():
                self.log.add("unnamed_category", f"the class {number} has no name: {label!r}")
        for message in describe_shared_names(classes, metadata.thing_ids):
            self.log.add("duplicate_name", message)
        return Dataset(name, records, metadata, tuple(self.log.faults))

    def _make_record(
        self, image: FoundImage, numbers: dict[str | int, int], has_masks: bool
    ) -> Record:
        annotations = []
        for label, annotation in image.objects:
            if label not in numbers:
                if label not in self._unknown:
                    self._unknown[label] = _describe_unknown(label, numbers)
                image.note("unknown_category", self._unknown[label])
                continue
            if has_masks and annotation.segmentation is None:
                message = "an object has no mask, though others have; its box stays"
                image.note("no_mask", message)
            annotations.append(replace(annotation, category=numbers[label]))
        return Record(image.file, image.image_id, image.height, image.width, tuple(annotations))


def _describe_unknown(label: str | int, known: Iterable[str | int]) -> str:
    names = [name for name in known if isinstance(name, str)]
    if isinstance(label, int):
        return f"there is no class {label}; there are {len(names)}, counted from 0"
    alike = find_alike(label, names)
    return f"there is no class {label!r}" + (f". {hint_at(alike)}" if alike else "")


def to_corners(box: Sequence[float]) -> Box:
    """The corners of a box, in order.

    Raises:
        BadPart: they are not four finite numbers, or the box has no area.
    """
    if len(box) != 4 or not are_numbers(box):
        raise BadPart("malformed", f"a box is four finite numbers, not {list(box)!r:.80}")
    x0, y0, x1, y1 = (float(value) for value in box)
    if not (x1 > x0 and y1 > y0):
        raise BadPart("box_degenerate", f"the box is {x1 - x0:g} x {y1 - y0:g} pixels")
    return x0, y0, x1, y1


def read_size(file: Path) -> tuple[int, int]:
    """The (height, width) of an image that is turned upright, from the head of its file.

    Raises:
        BadPart: it is missing, or no image.
    """
    try:
        return peek_size(file)
    except ImageFileError as error:
        raise BadPart(error.kind, str(error)) from None
