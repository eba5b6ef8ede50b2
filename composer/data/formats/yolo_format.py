"""Recognises YOLO's label files, with or without a description."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from composer.data.faults import BadPart
from composer.data.formats.data_path import DataPath, peek_text
from composer.data.formats.recognition import Recognition
from composer.data.readers.yolo import parse_line
from composer.data.readers.yolo_labels import find_labels
from composer.data.readers.yolo_layout import (
    YoloLayout,
    find_class_file,
    is_data_yaml,
    load_yaml,
    read_layout,
)
from composer.errors import DataError


def recognise_yolo(path: DataPath) -> Recognition | None:
    """YOLO's label files, with or without a description."""
    described = _find_description(path)
    if described is None and not path.is_folder:
        return None
    if described is None:
        return _recognise_labels(path)
    file, by = described
    layout = read_layout(file)
    if not any(map(os.path.isfile, map(find_labels, _first_images(layout)))) and (
        path.with_suffix(".xml") or path.with_suffix(".json")
    ):
        return None
    notes = tuple(f"split '{split}': {reason}" for split, reason in layout.missing.items())
    datasets = {split: {"data": file, "split": split} for split in layout.splits}
    if set(datasets) == {""}:
        datasets = {"": {"data": file}}
    return Recognition(by, "yolo", path.relative(file), datasets, notes)


def _first_images(layout: YoloLayout) -> Iterator[Path]:
    for split in layout.splits:
        for _, image in zip(range(20), layout.list_images(split), strict=False):
            yield image


def _find_description(path: DataPath) -> tuple[Path, str] | None:
    for file in sorted(path.with_suffix(".yaml", ".yml"), key=lambda f: (len(f.parts), f)):
        try:
            if is_data_yaml(load_yaml(file)):
                return file, "YOLO, as Ultralytics has it"
        except DataError:
            continue
    for file in path.with_suffix(".data"):
        if any("names" in line for line in peek_text(file)):
            return file, "YOLO, as darknet has it"
    return None


def _recognise_labels(path: DataPath) -> Recognition | None:
    """Label files beside images, or in `labels`, that nothing describes."""
    texts = set(path.with_suffix(".txt"))
    labelled = [image for image in path.images if find_labels(image) in texts]
    files = [find_labels(image) for image in labelled]
    shown = next((file for file in files if any(peek_text(file, 1))), None)
    if shown is None or not _are_labels(peek_text(shown)):
        return None
    layout = read_layout(path.folder)
    datasets: dict[str, dict[str, Any]] = {}
    for split in layout.splits:
        named = {"split": split} if split else {}
        datasets[split] = {"data": path.folder, **named}
    if "" in datasets and len(datasets) > 1:
        datasets = {"": {"data": path.folder}}
    named_by = find_class_file(path.folder)
    classes = "no list of classes" if named_by is None else path.relative(named_by)
    evidence = f"label files such as {path.relative(shown)}, {classes}"
    return Recognition("YOLO, label files without a description", "yolo", evidence, datasets)


def _are_labels(lines: Sequence[str]) -> bool:
    try:
        numbers = [parse_line(line)[1] for line in lines if line.strip()]
    except BadPart:
        return False
    return bool(numbers) and all(len(values) >= 4 for values in numbers)
