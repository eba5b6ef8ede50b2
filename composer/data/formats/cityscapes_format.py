"""Recognises Cityscapes' folders."""

from __future__ import annotations

from composer.data.formats.data_path import DataPath
from composer.data.formats.recognition import Recognition, sort_splits

_IMAGES, _LABELS, _FINE = "leftImg8bit", "gtFine", "_gtFine_instanceIds.png"


def recognise_cityscapes(path: DataPath) -> Recognition | None:
    """The folders `leftImg8bit` and `gtFine`, with a folder for each split."""
    if not (path.path / _IMAGES).is_dir() or not (path.path / _LABELS).is_dir():
        return None
    labelled = {
        file.relative_to(path.path / _LABELS).parts[0]
        for file in path.files
        if file.name.endswith(_FINE) and file.is_relative_to(path.path / _LABELS)
    }
    named = {split: {"folder": path.path, "split": split} for split in labelled}
    if not named:
        return None
    evidence = f"{_IMAGES}, and {_LABELS} with instanceIds"
    return Recognition("Cityscapes", "cityscapes", evidence, sort_splits(named))
