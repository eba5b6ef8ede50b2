"""Recognises Pascal VOC's XML files."""

from __future__ import annotations

import re
from pathlib import Path

from composer.data.formats.data_path import DataPath, peek_text
from composer.data.formats.recognition import Recognition, sort_splits
from composer.data.readers.split_names import name_split
from composer.data.readers.voc_layout import VocLayout, find_layout

_ROOT = re.compile(r"<annotation\b")
_INSIDE = re.compile(r"<(?:filename|object|size)\b")


def recognise_voc(path: DataPath) -> Recognition | None:
    """An XML file an image, with or without lists of the images of a split."""
    found = next((file for file in path.sample(".xml") if _is_voc(file)), None)
    if found is None or not path.is_folder:
        return None
    folder = _find_root(path)
    layout = find_layout(folder)
    lists = layout.lists
    splits = {name_split(name): name for name in lists if name_split(name)}
    if {"train", "val"} <= splits.keys():
        datasets = {
            split: {"folder": folder, "split": name} for split, name in splits.items() if split
        }
    elif lists:
        datasets = {name: {"folder": folder, "split": name} for name in lists}
        datasets = datasets if len(datasets) > 1 else {"": next(iter(datasets.values()))}
    else:
        datasets = _split_by_folders(layout)
    named = f", lists: {', '.join(lists)}" if lists else ", no lists of images"
    count = len(path.with_suffix(".xml"))
    evidence = f"{path.relative(found)}, one of {count} XML file{'' if count == 1 else 's'}{named}"
    return Recognition("Pascal VOC", "pascal_voc", evidence, sort_splits(datasets))


def _is_voc(file: Path) -> bool:
    head = "\n".join(peek_text(file, 60))
    return bool(_ROOT.search(head) and _INSIDE.search(head))


def _find_root(path: DataPath) -> Path:
    """The folder that has `Annotations`: of VOCdevkit, the only year inside."""
    inside = {
        parent
        for file in path.with_suffix(".xml")
        for parent in file.parents
        if (parent / "Annotations").is_dir() and parent.is_relative_to(path.path)
    }
    return inside.pop() if len(inside) == 1 else path.path


def _split_by_folders(layout: VocLayout) -> dict[str, dict[str, object]]:
    splits = layout.folder_splits()
    if "" in splits:
        return {"": {"folder": layout.folder}}
    return {split: {"folder": layout.folder, "split": split} for split in splits}
