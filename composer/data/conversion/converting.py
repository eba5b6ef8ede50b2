"""Writes datasets into a new folder, in COCO's or YOLO's format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from composer.data.conversion.coco_writing import list_flip_pairs, make_coco_document
from composer.data.conversion.data_file_writing import dump_yaml, write_data_file
from composer.data.conversion.image_transfer import (
    Pictures,
    find_common_folder,
    name_images,
    transfer_images,
)
from composer.data.conversion.losses import LossLog
from composer.data.conversion.yolo_writing import (
    LabelWriter,
    YoloTask,
    choose_task,
    describe_yolo,
    note_yolo_losses,
)
from composer.data.dataset import Dataset
from composer.data.readers.split_names import name_split
from composer.errors import DataError
from composer.files import folder_written_whole, write_json, write_text

Target = Literal["coco", "yolo"]

_IMAGES, _LABELS, _ANNOTATIONS = "images", "labels", "annotations"


def convert_datasets(
    datasets: Mapping[str, Dataset],
    folder: Path,
    target: Target,
    *,
    pictures: Pictures = "copy",
    task: YoloTask | None = None,
) -> LossLog:
    """Writes datasets into a folder that does not exist yet.

    COCO: `annotations/instances_NAME.json`, `images/NAME`, and a data file `data.yaml`. YOLO:
    `images/NAME`, `labels/NAME` and Ultralytics' `data.yaml`.

    Args:
        datasets: the datasets by the names of their splits.
        folder: the folder.
        target: the format.
        pictures: whether images are copied, linked, or stay where they are (COCO only).
        task: of YOLO: boxes, outlines or keypoints; by default all that the datasets have.

    Returns:
        What the format does not hold.

    Raises:
        DataError: the folder exists, or the datasets do not fit the format.
        OSError: it cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise DataError(f"{folder} exists; nothing is written over it")
    losses = LossLog()
    if target == "yolo" and pictures == "none":
        raise DataError("YOLO finds label files by the paths of images: copy or link them")
    with folder_written_whole(folder) as unfinished:
        if target == "coco":
            _write_coco(datasets, unfinished, pictures, losses)
        else:
            _write_yolo(datasets, unfinished, pictures, task, losses)
    return losses


def _write_coco(
    datasets: Mapping[str, Dataset], folder: Path, pictures: Pictures, losses: LossLog
) -> None:
    documents: dict[str, Any] = {}
    for name, dataset in datasets.items():
        names = name_images(dataset.records)
        inner = Path(_IMAGES, name)
        transfer_images(names, folder / inner, pictures)
        annotations = Path(_ANNOTATIONS, f"instances_{name}.json")
        write_json(folder / annotations, make_coco_document(dataset, names, losses))
        images = find_common_folder(list(names)) if pictures == "none" else inner
        configuration: dict[str, Any] = {
            "annotations": annotations.as_posix(),
            "images": images.as_posix(),
        }
        if (pairs := list_flip_pairs(dataset.metadata)) is not None:
            configuration["keypoint_flip_pairs"] = pairs
        documents[name] = {"uses": "detection-composer/coco", "with": configuration}
    write_data_file(folder / "data.yaml", documents)


def _write_yolo(
    datasets: Mapping[str, Dataset],
    folder: Path,
    pictures: Pictures,
    task: YoloTask | None,
    losses: LossLog,
) -> None:
    opened = list(datasets.values())
    _require_same_classes(opened)
    chosen = choose_task(opened) if task is None else task
    metadata = opened[0].metadata
    if chosen == "pose" and not metadata.keypoint_names:
        raise DataError("the task 'pose' needs keypoints, which the datasets do not have")
    splits = _name_splits(list(datasets))
    for name, dataset in datasets.items():
        note_yolo_losses(dataset, chosen, losses)
        names = name_images(dataset.records, by_stem=True)
        inner = splits[name]
        transfer_images(names, folder / _IMAGES / inner, pictures)
        writer = LabelWriter(chosen, len(metadata.keypoint_names), losses)
        for record in dataset:
            labels = folder / _LABELS / inner / names[record.file_name].with_suffix(".txt")
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text(writer.write(record), encoding="utf-8")
    folders = {split: Path(_IMAGES, split) for split in splits.values()}
    write_text(folder / "data.yaml", dump_yaml(describe_yolo(metadata, folders, chosen)))


def _require_same_classes(datasets: Sequence[Dataset]) -> None:
    first = datasets[0].metadata
    for other in datasets[1:]:
        names = other.metadata.thing_classes, other.metadata.keypoint_names
        if names != (first.thing_classes, first.keypoint_names):
            raise DataError(
                f"datasets '{datasets[0].name}' and '{other.name}' have different classes or "
                "keypoints, and YOLO has one list for all; `categories:` selects and orders classes"
            )


def _name_splits(names: Sequence[str]) -> dict[str, str]:
    """The split of each dataset: of a single one `train`.

    Raises:
        DataError: names are of no split, or two of one.
    """
    if len(names) == 1:
        return {names[0]: name_split(names[0]) or "train"}
    splits = {name: name_split(name) or "" for name in names}
    if "" in splits.values() or len(set(splits.values())) < len(names):
        raise DataError(
            f"there are the datasets {', '.join(names)}, and YOLO has the splits train, val and "
            "test: choose datasets with --dataset, or call them so in a data file"
        )
    return splits
