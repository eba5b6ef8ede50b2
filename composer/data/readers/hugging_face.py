"""Image folders of Hugging Face's `datasets`: objects are in `metadata.jsonl` or `.csv`.

Its Parquet files, which have the images in them, are read in the same way.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.json_file import parse_json
from composer.data.json_values import are_numbers, as_integer
from composer.data.readers.embedded_images import keep_image
from composer.data.readers.image_finder import ImageFinder
from composer.data.readers.parquet_rows import CONTENT, SUFFIX, read_label_names, read_rows
from composer.data.readers.plain_yaml import parse_plain_yaml
from composer.data.readers.record_builder import DatasetBuilder, FoundImage, read_size
from composer.data.readers.split_names import name_split
from composer.data.readers.text_lines import parse_table, read_text
from composer.errors import DataError
from composer.images import walk_folder

METADATA = ("metadata.jsonl", "metadata.csv")

_CATEGORIES = ("categories", "category", "labels", "label", "category_id", "class", "classes")
_BOXES = ("bbox", "bboxes", "boxes")
_FILE = "file_name"
_MAX_CLASSES = 10_000  # that a number stands for

Entry = Mapping[str, Any]


def hugging_face(
    *,
    folder: Path,
    split: str | None = None,
    classes: tuple[str, ...] | None = None,
    box_format: Literal["xywh", "xyxy"] = "xywh",
) -> Dataset:
    """Reads boxes of `objects` by file name.

    Args:
        folder: the folder of the images and of the file of metadata, of folders of splits, or of
            Parquet files; or one Parquet file. Images in Parquet files are kept in the cache.
        split: `train`, `val` or `test`, by the names of folders and of Parquet files.
        classes: names of the classes: of categories that are numbers, in their order.
        box_format: whether boxes are x, y, width, height as in COCO, or corners.

    Raises:
        DataError: there is no file of metadata or of Parquet, or it cannot be read.
    """
    log = FaultLog()
    entries = {file: list(read_entries(file, log)) for file in list_metadata(folder)}
    found = [entry for some in entries.values() for entry in some]
    if not found:
        raise DataError(f"{folder}: there is no {' or '.join(METADATA)} with objects")
    named = classes or _read_names(folder, list(entries))
    numbered = all(isinstance(label, int) for entry in found for label in _list_labels(entry))
    own = named or _call_classes(found, numbered)
    by_name = not named and not numbered  # a number among names is a name
    builder = DatasetBuilder(own, first_id=0 if numbered else 1, log=log)
    if numbered and named is None:
        message = (
            "nothing names the classes, and they are called by their numbers; the reader's "
            "configuration `classes` names them in order: --set '*.classes=[first, second]'"
        )
        builder.log.add("unnamed_category", message)
    finders: dict[Path, ImageFinder] = {}
    for file, some in entries.items():
        finder = finders.setdefault(file.parent, ImageFinder(file.parent))
        rows = read_entries(file, with_images=True) if is_parquet(file) else some
        for number, entry in enumerate(rows):
            if split is None or find_split(file, entry, folder) == split:
                image = _find_image(entry, file, number, finder, builder, _find_root(folder))
                _add_objects(image, entry, box_format, by_name)
    return builder.build("_".join(filter(None, [folder.resolve().stem, split])))


def list_metadata(folder: Path) -> list[Path]:
    """The files of metadata and the Parquet files of a folder and of those inside."""
    if folder.is_file():
        return [folder]
    files = walk_folder(folder)
    return [file for file in files if file.name in METADATA or is_parquet(file)]


def is_parquet(file: Path) -> bool:
    """Whether a file is one of Parquet, by its name."""
    return file.suffix.lower() == SUFFIX


def _find_root(folder: Path) -> Path:
    return folder.parent if folder.is_file() else folder


def find_split(file: Path, entry: Entry, folder: Path) -> str | None:
    """The split of an image, by the folders of the file of metadata and of its own name.

    That of a row of Parquet is in the name of the file, such as `train-00000-of-00004.parquet`.
    """
    folders = file.parent.relative_to(_find_root(folder)).parts
    if is_parquet(file):
        inner = [file.stem, *reversed(folders)]
    else:
        inner = [*folders, *Path(str(entry.get(_FILE))).parts[:-1]]
    return next((split for part in inner if (split := name_split(part))), None)


def read_entries(
    file: Path, log: FaultLog | None = None, *, with_images: bool = False
) -> Iterator[Entry]:
    """The entries of a file that name an image.

    Args:
        file: `metadata.jsonl`, `metadata.csv` or a Parquet file.
        log: takes keys that have several values; by default they are not reported.
        with_images: whether the bytes of images in a Parquet file are read.

    Raises:
        DataError: it cannot be read.
    """
    if is_parquet(file):
        yield from read_rows(file, with_images=with_images)
        return
    try:
        text = read_text(file)
        if file.suffix == ".csv":
            yield from _read_rows(text)
            return
        for number, line in enumerate(text.split("\n"), 1):  # U+2028 divides no lines here
            entry = _parse_line(line, file, number, log) if line.strip() else None
            if isinstance(entry, Mapping) and isinstance(entry.get(_FILE), str):
                yield entry
    except BadPart as bad:
        raise DataError(bad.message) from None


def _parse_line(line: str, file: Path, number: int, log: FaultLog | None) -> Any:
    try:
        entry, twins = parse_json(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}:{number}: it is not a JSON document a line: {error}") from None
    if log is not None:
        for message in twins:
            log.add("malformed", f"{message}; the last counts", entry=f"line {number}")
    return entry


def _read_rows(text: str) -> Iterator[Entry]:
    """The rows of a table; objects are in a cell, as JSON or as Python writes them."""
    header, *rows = parse_table(text.splitlines()) or [[]]
    for row in rows:
        entry: dict[str, Any] = dict(zip(header, row, strict=False))
        if _FILE in entry:
            yield {name: _parse(cell) if name != _FILE else cell for name, cell in entry.items()}


def _parse(cell: str) -> Any:
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return cell


def has_objects(entry: Entry) -> bool:
    """Whether an entry has boxes of objects, as columns of `objects` or a list of them."""
    return any(isinstance(box, Sequence) for box, _ in list_objects(entry))


def list_objects(entry: Entry) -> Iterator[tuple[Any, Any]]:
    """The boxes of an entry with their categories."""
    objects = entry.get("objects", entry)
    if isinstance(objects, list):
        for one in objects:
            if isinstance(one, Mapping):
                yield _get(one, _BOXES), _to_category(_get(one, _CATEGORIES))
    elif isinstance(objects, Mapping):
        boxes, labels = _get(objects, _BOXES), _get(objects, _CATEGORIES)
        boxes = boxes if isinstance(boxes, list) else []
        labels = labels if isinstance(labels, list) else []
        for box, label in zip_longest(boxes, labels):  # of columns of two lengths, parts have none
            yield box, _to_category(label)


def _to_category(label: Any) -> Any:
    """A category, where 1.0 is 1."""
    whole = as_integer(label)
    return label if whole is None else whole


def _get(mapping: Entry, names: Sequence[str]) -> Any:
    return next((mapping[name] for name in names if name in mapping), None)


def _list_labels(entry: Entry) -> list[Any]:
    labels = (label for _, label in list_objects(entry))
    return [label for label in labels if type(label) in (int, str)]  # true is an int, too


def _call_classes(entries: Sequence[Entry], numbered: bool) -> list[str]:
    labels = [label for entry in entries for label in _list_labels(entry)]
    if numbered:
        count = min(max(labels, default=-1) + 1, _MAX_CLASSES)
        return [f"class {number}" for number in range(count)]
    return sorted({str(label) for label in labels})


def _read_names(folder: Path, files: Sequence[Path]) -> tuple[str, ...] | None:
    """The names of classes in the description of a data set, or in the head of a Parquet file."""
    parquet = next(filter(is_parquet, files), None)
    named = None if parquet is None else read_label_names(parquet)
    return named or _read_description(_find_root(folder))


def _read_description(folder: Path) -> tuple[str, ...] | None:
    """The names of classes in the description of a data set: the head of its README.md."""
    file = folder / "README.md"
    try:
        text = read_text(file)
        head = text.split("---")[1] if text.startswith("---") else ""
        described = parse_plain_yaml(head)
    except (BadPart, ValueError, IndexError):
        return None
    names = next(_find_names(described, set()), None)
    if isinstance(names, Mapping):
        keys = sorted((key for key in names if str(key).isdecimal()), key=lambda k: (len(k), k))
        names = [names[key] for key in keys]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)


def _find_names(value: Any, seen: set[int]) -> Iterator[Any]:
    """The names of class labels anywhere in a description, each part of which is seen once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Mapping):
        label = value.get("class_label")
        if isinstance(label, Mapping) and "names" in label:
            yield label["names"]
        for inner in value.values():
            yield from _find_names(inner, seen)
    elif isinstance(value, list):
        for inner in value:
            yield from _find_names(inner, seen)


def _find_image(
    entry: Entry, file: Path, number: int, finder: ImageFinder, builder: DatasetBuilder, root: Path
) -> FoundImage | None:
    """The image of an entry, in a file of its own or as its content; None if it cannot be read.

    Args:
        entry: the entry.
        file: where it is from.
        number: its place there.
        finder: finds files of images.
        builder: takes the image.
        root: the folder that names of images begin in.
    """
    name = str(entry.get(_FILE))
    content = entry.get(CONTENT) if is_parquet(file) else None
    if not isinstance(content, bytes):
        return builder.find_image(finder, name, to_id=partial(_to_id, root))
    try:
        kept = keep_image(content, Path(name).stem)
        size = read_size(kept)
    except BadPart as bad:
        builder.log.add(bad.kind, bad.message, f"{file.name}, row {number}")
        return None
    return builder.add_image(kept, f"{file.relative_to(root).as_posix()}#{number}", *size)


def _to_id(root: Path, file: Path) -> str:
    """An image's id: its path below the folder of the dataset, if it is there."""
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()


def _add_objects(image: FoundImage | None, entry: Entry, box_format: str, by_name: bool) -> None:
    if image is None:
        return
    for number, (box, label) in enumerate(list_objects(entry)):
        named = str(label) if by_name and type(label) is int else label
        _add(image, box, named, box_format, f"object {number}")


def _add(image: FoundImage, box: Any, label: Any, box_format: str, place: str) -> None:
    if not isinstance(box, list) or len(box) != 4 or not are_numbers(box):
        image.note("malformed", f"'bbox' is four numbers, not {box!r:.60}", place)
        return
    if label is None or isinstance(label, (bool, float, list, dict)):
        image.note("unknown_category", f"a category is a number or name, not {label!r:.60}", place)
        return
    x, y, *rest = (float(value) for value in box)
    corners = [x, y, x + rest[0], y + rest[1]] if box_format == "xywh" else [x, y, *rest]
    image.add(label, corners, place=place)
