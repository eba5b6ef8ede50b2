"""Recognises the ground truth of MOTChallenge."""

from __future__ import annotations

from typing import Any

from composer.data.faults import BadPart
from composer.data.formats.data_path import DataPath, peek_text
from composer.data.formats.recognition import Recognition, sort_splits
from composer.data.readers.mot import TRUTH, is_row
from composer.data.readers.split_names import name_split
from composer.data.readers.text_lines import parse_table


def recognise_mot(path: DataPath) -> Recognition | None:
    """Sequences with `gt/gt.txt`; folders called `train` and so on are splits."""
    truths = [file for file in path.named(TRUTH) if file.parent.name == "gt"]
    if not path.is_folder or not truths or not _is_truth(peek_text(truths[0], 1)):
        return None
    datasets: dict[str, dict[str, Any]] = {}
    for truth in truths:
        folders = [path.path, *(path.path / p for p in truth.relative_to(path.path).parents)]
        split_folder = next((f for f in folders if f != path.path and name_split(f.name)), None)
        name = "" if split_folder is None else name_split(split_folder.name) or ""
        datasets[name] = {"folder": split_folder or path.path}
    if "" in datasets:
        datasets = {"": {"folder": path.path}}
    count = len(truths)
    evidence = f"{path.relative(truths[0])}, one of {count} sequence{'' if count == 1 else 's'}"
    return Recognition("MOTChallenge", "mot", evidence, sort_splits(datasets))


def _is_truth(lines: list[str]) -> bool:
    try:
        rows = parse_table(lines)
    except BadPart:
        return False
    return bool(rows) and is_row(rows[0])
