"""Recognises image folders of Hugging Face's `datasets`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from composer.data.formats.data_path import DataPath
from composer.data.formats.recognition import Recognition, sort_splits
from composer.data.readers.hugging_face import (
    METADATA,
    find_split,
    has_objects,
    is_parquet,
    read_entries,
)
from composer.data.readers.parquet_rows import NEEDED, SUFFIX, has_pyarrow
from composer.errors import DataError

_FEW = 20


def recognise_hugging_face(path: DataPath) -> Recognition | None:
    """A file of metadata that names images, or one of Parquet that has them, with boxes of objects.

    Raises:
        DataError: there is nothing but Parquet files, and pyarrow is missing.
    """
    parquet = path.with_suffix(SUFFIX)
    if parquet and not has_pyarrow():
        if not path.images:
            raise DataError(f"{parquet[0]}: {NEEDED}")
        parquet = ()
    files = [*path.named(*METADATA), *parquet]
    annotated = [file for file in files if any(map(has_objects, islice(read_entries(file), _FEW)))]
    if not annotated:
        return None
    folder = path.path if is_parquet(path.path) else path.folder
    splits = {split or "" for file in files for split in _find_splits(file, folder)}
    named = {split: {"folder": folder, "split": split} for split in splits if split}
    datasets = sort_splits(named) if "" not in splits else {"": {"folder": folder}}
    evidence = f"{path.relative(annotated[0])} with objects"
    kind = "Parquet files" if is_parquet(annotated[0]) else "image folder"
    return Recognition(f"{kind} of Hugging Face", "hugging_face", evidence, datasets)


def _find_splits(file: Path, folder: Path) -> set[str | None]:
    if is_parquet(file):  # of all its rows
        return {find_split(file, {}, folder)}
    return {find_split(file, entry, folder) for entry in read_entries(file)}
