"""Recognises image folders of Hugging Face's `datasets`."""

from __future__ import annotations

from itertools import islice

from composer.data.formats.data_path import DataPath
from composer.data.formats.recognition import Recognition, sort_splits
from composer.data.readers.hugging_face import METADATA, find_split, has_objects, read_entries

_FEW = 20


def recognise_hugging_face(path: DataPath) -> Recognition | None:
    """A file of metadata that names images and has boxes of objects."""
    files = path.named(*METADATA)
    annotated = [file for file in files if any(map(has_objects, islice(read_entries(file), _FEW)))]
    if not annotated:
        return None
    folder = path.folder
    splits = {
        find_split(file, entry, folder) or "" for file in files for entry in read_entries(file)
    }
    named = {split: {"folder": folder, "split": split} for split in splits if split}
    datasets = sort_splits(named) if "" not in splits else {"": {"folder": folder}}
    evidence = f"{path.relative(annotated[0])} with objects"
    return Recognition("image folder of Hugging Face", "hugging_face", evidence, datasets)
