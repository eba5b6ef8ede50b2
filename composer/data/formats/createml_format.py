"""Recognises CreateML's JSON."""

from __future__ import annotations

from typing import Any

from composer.data.faults import FaultLog
from composer.data.formats.data_path import DataPath
from composer.data.formats.file_splits import name_files
from composer.data.formats.recognition import Recognition
from composer.data.json_file import load_json
from composer.data.readers.createml import is_createml, list_classes


def recognise_createml(path: DataPath) -> Recognition | None:
    """A list of images with boxes, in one file or in one a split."""
    found = [file for file, document in path.json_documents() if is_createml(document)]
    if not found:
        return None
    datasets: dict[str, dict[str, Any]] = {
        name: {"annotations": file} for name, file in name_files(found, path).items()
    }
    if len(datasets) > 1:  # the same classes in all of them
        classes = {label for file in found for label in list_classes(load_json(file, FaultLog()))}
        datasets = {name: {**one, "classes": sorted(classes)} for name, one in datasets.items()}
    evidence = ", ".join(path.relative(file) for file in found[:4])
    return Recognition("CreateML", "createml", evidence, datasets)
