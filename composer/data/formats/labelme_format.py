"""Recognises labelme's JSON files."""

from __future__ import annotations

from composer.data.formats.data_path import DataPath
from composer.data.formats.recognition import Recognition, sort_splits
from composer.data.readers.labelme import find_split, is_document


def recognise_labelme(path: DataPath) -> Recognition | None:
    """A JSON file an image, with a list of shapes."""
    file = next((file for file, document in path.json_documents() if is_document(document)), None)
    if file is None:
        return None
    files = path.with_suffix(".json")
    splits = {find_split(file, path.path) or "" for file in files}
    named = {split: {"folder": path.path, "split": split} for split in splits if split}
    datasets = sort_splits(named) if "" not in splits else {"": {"folder": path.path}}
    count = len(files)
    evidence = f"{path.relative(file)}, one of {count} JSON file{'' if count == 1 else 's'}"
    return Recognition("labelme", "labelme", evidence, datasets)
