"""Names of datasets that are a file each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from composer.data.formats.data_path import DataPath
from composer.data.formats.recognition import sort_splits
from composer.data.readers.split_names import name_split


def name_files(files: Sequence[Path], path: DataPath) -> dict[str, Path]:
    """Files by the splits that their names or folders have, or else by their stems.

    The name of a single one that has none is empty.
    """
    splits = {file: _find_split(file, path) for file in files}
    counts = Counter(splits.values())
    found = {
        split if split is not None and counts[split] == 1 else _make_name(file, files): file
        for file, split in splits.items()
    }
    order = sort_splits({name: {} for name in found})
    return {name: found[name] for name in order}


def _find_split(file: Path, path: DataPath) -> str | None:
    if not path.is_folder:
        return None
    inner = file.parent.relative_to(path.path).parts
    own = name_split(file.stem)
    return own or next((split for part in reversed(inner) if (split := name_split(part))), None)


def _make_name(file: Path, files: Sequence[Path]) -> str:
    if len(files) == 1:
        return ""
    stems = Counter(other.stem for other in files)
    return file.stem if stems[file.stem] == 1 else f"{file.parent.name}_{file.stem}"
