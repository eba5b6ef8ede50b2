"""Recognises the projects and annotations of the VGG Image Annotator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from composer.data.faults import BadPart
from composer.data.formats.data_path import DataPath, peek_text
from composer.data.formats.file_splits import name_files
from composer.data.formats.recognition import Recognition
from composer.data.readers.text_lines import parse_table
from composer.data.readers.via import (
    choose_attribute,
    is_via,
    is_via_header,
    list_classes,
    read_via,
)


def recognise_via(path: DataPath) -> Recognition | None:
    """A project of any version, annotations as JSON, or annotations as CSV."""
    found = [file for file, document in path.json_documents() if is_via(document)]
    found += [file for file in path.sample(".csv") if _has_header(file)]
    if not found:
        return None
    datasets: dict[str, dict[str, Any]] = {
        name: {"annotations": file} for name, file in name_files(found, path).items()
    }
    if len(datasets) > 1:  # the same classes in all of them
        classes = {label for file in found for label in _list_classes(file)}
        datasets = {name: {**one, "classes": sorted(classes)} for name, one in datasets.items()}
    evidence = ", ".join(path.relative(file) for file in found[:4])
    return Recognition("VIA (VGG Image Annotator)", "via", evidence, datasets)


def _has_header(file: Path) -> bool:
    try:
        rows = parse_table(peek_text(file, 2)[:1])
    except BadPart:
        return False
    return bool(rows) and is_via_header(rows[0])


def _list_classes(file: Path) -> list[str]:
    images, _ = read_via(file)
    return list_classes(images, choose_attribute(images, file))
