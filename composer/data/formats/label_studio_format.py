"""Recognises Label Studio's own JSON."""

from __future__ import annotations

from composer.data.formats.data_path import DataPath
from composer.data.formats.file_splits import name_files
from composer.data.formats.recognition import Recognition
from composer.data.readers.label_studio import is_export


def recognise_label_studio(path: DataPath) -> Recognition | None:
    """A list of annotated tasks, as JSON or JSON-MIN."""
    found = [file for file, document in path.json_documents() if is_export(document)]
    if not found:
        return None
    datasets = {
        name: {"annotations": file, "images": path.folder}
        for name, file in name_files(found, path).items()
    }
    evidence = ", ".join(path.relative(file) for file in found[:4])
    return Recognition("Label Studio", "label_studio", evidence, datasets)
