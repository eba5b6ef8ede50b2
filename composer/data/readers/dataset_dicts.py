"""Datasets as lists of dicts in detectron2's standard form."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.json_values import (
    are_numbers,
    as_id,
    as_integer,
    show_value,
    to_flag,
    to_integer,
)
from composer.data.metadata import Metadata
from composer.data.readers.coco_document import have_masks, read_categories, read_records
from composer.data.readers.image_files import ImageFiles
from composer.data.records import ImageId, Proposals, Record, Segment
from composer.errors import DataError
from composer.names import closest
from composer.structures import BoxMode

Dicts = Sequence[Mapping[str, Any]]

IMAGE_KEYS = frozenset({
    "file_name", "image_id", "height", "width", "annotations", "sem_seg_file_name",
    "pan_seg_file_name", "segments_info", "proposal_boxes", "proposal_objectness_logits",
    "proposal_bbox_mode",
})  # fmt: skip
ANNOTATION_KEYS = frozenset({
    "bbox", "bbox_mode", "category_id", "segmentation", "keypoints", "iscrowd", "area", "id",
    "image_id", "num_keypoints",
})  # fmt: skip

_ARRAYS = ("proposal_boxes", "proposal_objectness_logits")  # which stay as they are
_ALIKE = 0.8  # of the letters of a misspelt key


def read_dataset_dicts(
    name: str, dicts: Iterable[Mapping[str, Any]], metadata: Metadata
) -> Dataset:
    """A dataset from dicts, each of which describes an image and its annotations.

    Bad annotations and missing images become faults, as from a file.

    Args:
        name: what the dataset is called.
        dicts: with `file_name`, `image_id`, perhaps `height`, `width`, `annotations`,
            `sem_seg_file_name`, `pan_seg_file_name` with `segments_info`, and `proposal_boxes`.
            Annotations have a `bbox` with its `bbox_mode` (see `BoxMode`), a `category_id` that is
            an index into the thing classes, and perhaps `segmentation`, `keypoints`, `iscrowd`.
        metadata: names of the classes and keypoints. Without names, classes are called by their
            numbers.

    Raises:
        DataError: they are no such dicts, or an annotation does not say its `bbox_mode`.
    """
    if isinstance(dicts, (str, Mapping)) or not isinstance(dicts, Iterable):
        raise DataError(f"dataset '{name}': it is a list of dicts, not {show_value(dicts)}")
    images = [_require_dict(name, at, _to_plain(one)) for at, one in enumerate(dicts)]
    annotations = [  # which belong to their dict, whatever ids images have
        {**found, "image_id": at}
        for at, image in enumerate(images)
        for found in _list_annotations(name, image)
    ]
    metadata = _complete(metadata, annotations)
    log, folder = FaultLog(), _find_folder(name, images)
    _note_misspelt(images, log)
    names = metadata.thing_classes
    categories = read_categories([{"id": at, "name": one} for at, one in enumerate(names)], log)
    document = {
        "images": [
            {
                **_only_size(image),
                "id": at,
                "file_name": os.path.relpath(image["file_name"], folder),
            }
            for at, image in enumerate(images)
        ],
        "annotations": annotations,
    }
    found = read_records(
        document, ImageFiles(folder), categories, log, len(metadata.keypoint_names), frozenset()
    )
    records = tuple(_with_own_ids([record for record, _ in found], images, log))
    return Dataset(name, records, metadata, tuple(log.faults))


def _require_dict(name: str, at: int, one: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(one, Mapping) or "file_name" not in one or "image_id" not in one:
        shown = ", ".join(map(repr, one)) if isinstance(one, Mapping) else show_value(one)
        raise DataError(
            f"dataset '{name}': image {at} is a dict with 'file_name' and 'image_id', not {shown}"
        )
    if not isinstance(one["file_name"], (str, os.PathLike)):
        shown = show_value(one["file_name"])
        raise DataError(f"dataset '{name}': 'file_name' of image {at} is a path, not {shown}")
    return one


def _to_plain(value: Any) -> Any:
    """Lists and numbers in place of arrays, tensors and numpy's numbers."""
    if isinstance(value, Mapping):
        return {key: inner if key in _ARRAYS else _to_plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_plain(inner) for inner in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic, Tensor)) else value


def _note_misspelt(images: Dicts, log: FaultLog) -> None:
    """Notes keys that are almost ours, once each; all others are somebody's own."""
    seen: set[str] = set()
    for image in images:
        parts = [(image, IMAGE_KEYS)]
        parts += [(part, ANNOTATION_KEYS) for part in image.get("annotations") or ()]
        for part, known in parts:
            for key in part.keys() - known - seen:
                seen.add(key)
                meant = closest(str(key), known - part.keys())
                if meant is not None and _are_alike(str(key), meant):
                    message = f"the key '{key}' is not read. Did you mean '{meant}'?"
                    log.add("malformed", message, os.path.basename(image["file_name"]))


def _are_alike(key: str, meant: str) -> bool:
    return difflib.SequenceMatcher(None, key.lower(), meant).ratio() >= _ALIKE


def _list_annotations(name: str, image: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    annotations = image.get("annotations") or ()
    if not isinstance(annotations, (list, tuple)):
        shown = show_value(annotations)
        raise DataError(f"dataset '{name}': 'annotations' is a list of dicts, not {shown}")
    for annotation in annotations:
        if not isinstance(annotation, Mapping) or "bbox_mode" not in annotation:
            raise DataError(
                f"dataset '{name}': an annotation of {image['file_name']} does not say what its "
                "'bbox' means: 'bbox_mode' is BoxMode.XYXY_ABS, BoxMode.XYWH_ABS, ..."
            )
    return annotations


def _only_size(image: Mapping[str, Any]) -> dict[str, Any]:
    return {key: image[key] for key in ("height", "width") if key in image}


def _find_folder(name: str, images: Dicts) -> Path:
    """The folder that all images are below."""
    files = [os.path.abspath(image["file_name"]) for image in images]
    try:
        return Path(os.path.commonpath([os.path.dirname(file) for file in files]))
    except ValueError as error:  # none, or several disks
        raise DataError(f"dataset '{name}': there are no images below one folder") from error


def _complete(metadata: Metadata, annotations: Dicts) -> Metadata:
    """The metadata with what annotations show: masks, and numbers of classes and keypoints."""
    classes, keypoints = metadata.thing_classes, metadata.keypoint_names
    if not classes:
        found = [as_integer(one.get("category_id")) for one in annotations]
        highest = max((index for index in found if index is not None), default=-1)
        classes = tuple(f"class {index}" for index in range(highest + 1))
    if not keypoints:
        lists = (one["keypoints"] for one in annotations if are_numbers(one.get("keypoints")))
        first = next(filter(None, lists), ())
        keypoints = tuple(f"keypoint {at}" for at in range(len(first) // 3))
    return replace(
        metadata, thing_classes=classes, keypoint_names=keypoints, has_masks=have_masks(annotations)
    )


def _to_segments(image: Mapping[str, Any], log: FaultLog) -> Iterator[Segment]:
    """The segments of an image; those that cannot be used are noted."""
    for place, segment in enumerate(image.get("segments_info") or ()):
        try:
            if not isinstance(segment, Mapping):
                raise BadPart("malformed", f"a segment is a dict, not {show_value(segment)}")
            is_thing = to_flag(segment, "isthing", None)
            if is_thing is None:
                raise BadPart("malformed", "'isthing' says whether it is an object; it is missing")
            yield Segment(
                segment_id=to_integer(segment.get("id"), "id", 0),
                category=to_integer(segment.get("category_id"), "category_id", 0),
                is_thing=is_thing,
                is_crowd=to_flag(segment, "iscrowd", False),
            )
        except BadPart as bad:
            name = os.path.basename(image["file_name"])
            log.add(bad.kind, bad.message, name, entry=f"segments_info[{place}]")


def _with_own_ids(records: Iterable[Record], images: Dicts, log: FaultLog) -> Iterator[Record]:
    """The records with the ids of their dicts in place of their positions, and with their maps.

    Of two images with one id, the second is left out with its annotations.
    """
    seen: set[ImageId] = set()
    for record in records:
        image, file_name = images[int(record.image_id)], record.file_name.name
        own_id = as_id(image["image_id"])
        if own_id is None:
            shown = show_value(image["image_id"])
            message = f"'image_id' is a whole number or a text, not {shown}"
            log.add("malformed", message, file_name)
        elif own_id in seen:
            log.add("duplicate_id", f"another image has the id {own_id}, too", file_name)
        else:
            seen.add(own_id)
            yield _with_maps(replace(record, image_id=own_id), image, log)


def _with_maps(record: Record, image: Mapping[str, Any], log: FaultLog) -> Record:
    """The record with its label images and proposals; those that cannot be used are noted."""
    name = record.file_name.name
    try:
        record = replace(record, sem_seg_file=_find_map(image, "sem_seg_file_name"))
        if panoptic := _find_map(image, "pan_seg_file_name"):
            segments = tuple(_to_segments(image, log))
            record = replace(record, panoptic_file=panoptic, segments=segments)
        return replace(record, proposals=_to_proposals(image, record))
    except BadPart as bad:
        log.add(bad.kind, bad.message, name)
        return record


def _find_map(image: Mapping[str, Any], key: str) -> Path | None:
    """The label image under a key; None if there is none."""
    given = image.get(key)
    if given is None:
        return None
    if not isinstance(given, (str, os.PathLike)):
        raise BadPart("malformed", f"'{key}' is a path, not {show_value(given)}")
    return Path(given)


def _to_proposals(image: Mapping[str, Any], record: Record) -> Proposals | None:
    """The proposals of an image; None without any."""
    boxes, logits = (image.get(key) for key in _ARRAYS)
    if boxes is None:
        return None
    mode = image.get("proposal_bbox_mode", BoxMode.XYXY_ABS)
    known = record.height is not None and record.width is not None
    size = (record.height or 1, record.width or 1) if known else None
    try:
        rows = np.asarray(boxes, np.float32).reshape(-1, 4)
        corners = BoxMode.convert(rows, mode, BoxMode.XYXY_ABS, image_size=size)
        scores = np.asarray(logits, np.float32)
        if scores.shape != (len(rows),):
            raise ValueError(f"{len(rows)} boxes have as many 'proposal_objectness_logits'")
    except (TypeError, ValueError) as error:
        raise BadPart("malformed", f"'proposal_boxes': {error}") from error
    return Proposals(corners, scores)
