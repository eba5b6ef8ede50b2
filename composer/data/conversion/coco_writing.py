"""A dataset as a document in COCO's format of instances and keypoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from composer.data.conversion.losses import LossLog
from composer.data.dataset import Dataset
from composer.data.metadata import Metadata
from composer.data.records import Annotation, Record
from composer.images import peek_size


def make_coco_document(
    dataset: Dataset, names: Mapping[Path, PurePosixPath], losses: LossLog
) -> dict[str, Any]:
    """The document of a dataset.

    Ids of images and annotations stay if all are whole numbers, and are counted from 1 if not.

    Args:
        dataset: the dataset.
        names: the file name of each image.
        losses: takes what the format does not hold.

    Raises:
        InputError: an image, whose size nothing else has, cannot be read.
    """
    note_losses(dataset, losses)
    own_ids = [record.image_id for record in dataset]
    image_ids = own_ids if _are_ids(own_ids) else list(range(1, len(own_ids) + 1))
    metadata = dataset.metadata
    category_ids = metadata.thing_ids or tuple(range(1, len(metadata.thing_classes) + 1))
    annotations = [
        {"image_id": image_id, **_to_entry(one, category_ids, losses)}
        for image_id, record in zip(image_ids, dataset, strict=True)
        for one in record.annotations
    ]
    annotation_ids = [one.annotation_id for record in dataset for one in record.annotations]
    if not _are_ids(annotation_ids):
        annotation_ids = list(range(1, len(annotations) + 1))
    return {
        "images": [
            _to_image(record, image_id, names)
            for image_id, record in zip(image_ids, dataset, strict=True)
        ],
        "annotations": [
            {"id": own_id, **entry}
            for own_id, entry in zip(annotation_ids, annotations, strict=True)
        ],
        "categories": list(_to_categories(metadata, category_ids)),
    }


def note_losses(dataset: Dataset, losses: LossLog) -> None:
    """Notes what neither COCO's instances nor YOLO's labels hold."""
    segments = sum(len(record.segments) for record in dataset)
    losses.add("panoptic segments, which are left out", segments)
    labels = sum(record.sem_seg_file is not None for record in dataset)
    losses.add("label images of semantic classes, which are left out", labels)
    losses.add(
        "images with proposals, which are left out", sum(r.proposals is not None for r in dataset)
    )
    losses.add(
        "images with more than the format holds (`extra`)", sum(bool(r.extra) for r in dataset)
    )


def _are_ids(ids: Sequence[object]) -> bool:
    return all(isinstance(one, int) for one in ids) and len(set(ids)) == len(ids)


def _to_image(
    record: Record, image_id: object, names: Mapping[Path, PurePosixPath]
) -> dict[str, Any]:
    height, width = record.height, record.width
    if height is None or width is None:
        height, width = peek_size(record.file_name)
    name = names[record.file_name].as_posix()
    return {"id": image_id, "file_name": name, "height": height, "width": width}


def _to_entry(
    annotation: Annotation, category_ids: Sequence[int], losses: LossLog
) -> dict[str, Any]:
    x0, y0, x1, y1 = annotation.box
    if annotation.is_difficult:
        losses.add("difficult objects, which are written as crowds: no targets, and not counted")
    found: dict[str, Any] = {
        "category_id": category_ids[annotation.category],
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": annotation.size,
        "iscrowd": int(annotation.is_crowd or annotation.is_difficult),
    }
    if annotation.segmentation is not None:
        found["segmentation"] = _to_plain(annotation.segmentation)
    if annotation.keypoints is not None:
        found["keypoints"] = list(annotation.keypoints)
        found["num_keypoints"] = sum(visibility > 0 for visibility in annotation.keypoints[2::3])
    return found


def _to_plain(segmentation: Any) -> Any:
    """A mask as JSON holds it."""
    if not isinstance(segmentation, Mapping):
        return [[float(value) for value in part] for part in segmentation]
    counts = segmentation["counts"]
    text = counts.decode("ascii") if isinstance(counts, bytes) else counts
    return {"size": [int(side) for side in segmentation["size"]], "counts": text}


def _to_categories(metadata: Metadata, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    for index, name in enumerate(metadata.thing_classes):
        found: dict[str, Any] = {"id": ids[index], "name": name}
        if metadata.keypoint_names:
            found["keypoints"] = list(metadata.keypoint_names)
            lines = [[a + 1, b + 1] for a, b in metadata.keypoint_connections]  # counted from 1
            found["skeleton"] = lines
        if metadata.thing_colors:
            found["color"] = list(metadata.thing_colors[index])
        yield found


def list_flip_pairs(metadata: Metadata) -> list[list[str]] | None:
    """Names of the keypoints that change places in a mirror; None if that is not known."""
    names, pairs = metadata.keypoint_names, metadata.keypoint_flip_pairs
    if not names or not (pairs or metadata.no_flip_pairs):
        return None
    return [[names[a], names[b]] for a, b in pairs]
