"""Recognises tables of boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from composer.data.faults import BadPart
from composer.data.formats.data_path import DataPath, peek_text
from composer.data.formats.file_splits import name_files
from composer.data.formats.recognition import Recognition
from composer.data.readers.box_table import (
    describe_header,
    list_classes,
    read_boxes,
    read_class_names,
)
from composer.data.readers.hugging_face import METADATA
from composer.data.readers.table_columns import Columns, find_columns
from composer.data.readers.text_lines import parse_table
from composer.data.readers.via import is_via_header

_SUFFIXES = (".csv", ".tsv")


def recognise_table(path: DataPath) -> Recognition | None:
    """A table with a column of files, and columns of boxes."""
    suffixes = _SUFFIXES if path.is_folder else (*_SUFFIXES, ".txt")
    tables = {
        file: columns
        for file in path.sample(*suffixes)
        if file.name not in METADATA and (columns := _peek_columns(file))
    }
    if not tables:
        return None
    datasets: dict[str, dict[str, Any]] = {
        name: {"table": file} for name, file in name_files(list(tables), path).items()
    }
    for configuration in datasets.values():
        if not configuration["table"].is_relative_to(path.folder):
            continue
        configuration["images"] = path.folder  # which may be beside the folder of the table
    is_labelled = all("label" in columns.places for columns in tables.values())
    if len(datasets) > 1 and is_labelled:  # the same classes in all of them
        classes = {label for file in tables for label in _list_classes(file)}
        datasets = {name: {**one, "classes": sorted(classes)} for name, one in datasets.items()}
    file, columns = next(iter(tables.items()))
    title = "table of boxes"
    if columns.is_open_images:
        title = "table of boxes, as Open Images has it"
    elif not columns.has_header:
        title = "table of boxes without a header, as keras-retinanet has it"
    evidence = f"{path.relative(file)} with the {columns.describe()}"
    return Recognition(title, "csv", evidence, datasets)


def describe_other_table(file: Path) -> str:
    """How to read a table whose columns are not found; empty if the file is no table."""
    if file.suffix.lower() not in _SUFFIXES:
        return ""
    try:
        rows = parse_table(peek_text(file))
    except BadPart:
        return ""
    return describe_header(rows) if rows and len(rows[0]) > 1 else ""


def _peek_columns(file: Path) -> Columns | None:
    try:
        rows = parse_table(peek_text(file))
    except BadPart:
        return None
    return None if rows and is_via_header(rows[0]) else find_columns(rows)


def _list_classes(file: Path) -> list[str]:
    rows, columns = read_boxes(file)
    names = read_class_names(file) if columns.is_open_images else {}
    return list_classes(rows, columns, names)
