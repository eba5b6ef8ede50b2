"""Recognises KITTI's object labels."""

from __future__ import annotations

from typing import Any

from composer.data.formats.data_path import DataPath, peek_text
from composer.data.formats.recognition import Recognition, sort_splits
from composer.data.readers.kitti import find_images, is_label, list_classes
from composer.data.readers.split_names import name_split


def recognise_kitti(path: DataPath) -> Recognition | None:
    """Text files with a class and 14 numbers a line, with images of their names beside."""
    if not path.is_folder:
        return None
    shown = {f.parent: f for f in path.sample(".txt") if any(map(is_label, peek_text(f, 1)))}
    beside = {folder: path.image_folder or find_images(folder) for folder in shown}
    folders = {folder: images for folder, images in beside.items() if images is not None}
    if not folders:
        return None
    classes = sorted({label for folder in folders for label in list_classes(folder)})
    datasets: dict[str, dict[str, Any]] = {}
    for folder, images in folders.items():
        inner = folder.relative_to(path.path).parts
        split = next((s for part in inner if (s := name_split(part))), None)
        name = "" if len(folders) == 1 else split or "_".join(inner)
        datasets[name] = {"labels": folder, "images": images, "classes": classes}
    evidence = f"label files such as {path.relative(next(iter(shown.values())))}"
    return Recognition("KITTI", "kitti", evidence, sort_splits(datasets))
