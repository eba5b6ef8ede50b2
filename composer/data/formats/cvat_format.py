"""Recognises CVAT's XML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from composer.data.formats.data_path import DataPath, peek_text
from composer.data.formats.file_splits import name_files
from composer.data.formats.recognition import Recognition
from composer.data.readers.cvat import list_labels, read_cvat

_ROOT = re.compile(r"<annotations\b")
_INSIDE = re.compile(r"<(?:meta|image|track)\b")
_VIDEO = re.compile(r"<mode>\s*interpolation|<track\b")


def recognise_cvat(path: DataPath) -> Recognition | None:
    """A document with images, or with the tracks of a video."""
    heads = {file: _peek(file) for file in path.sample(".xml")}
    found = [file for file, head in heads.items() if _ROOT.search(head) and _INSIDE.search(head)]
    if not found:
        return None
    datasets: dict[str, dict[str, Any]] = {
        name: {"annotations": file} for name, file in name_files(found, path).items()
    }
    if len(datasets) > 1:  # the same classes in all of them
        labels = dict.fromkeys(label for file in found for label in list_labels(read_cvat(file)))
        datasets = {name: {**one, "classes": list(labels)} for name, one in datasets.items()}
    kind = "video" if any(_VIDEO.search(heads[file]) for file in found) else "images"
    evidence = ", ".join(path.relative(file) for file in found[:4])
    return Recognition(f"CVAT for {kind}", "cvat", evidence, datasets)


def _peek(file: Path) -> str:
    return "\n".join(peek_text(file, 400))
