"""Tables of boxes (CSV): a row a box, in the layouts that tools and data sets have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.faults import BadPart
from composer.data.json_values import are_numbers
from composer.data.readers.image_finder import ImageFinder, list_images
from composer.data.readers.record_builder import DatasetBuilder, FoundImage, read_size
from composer.data.readers.table_columns import CORNERS, SIDES, Columns, find_columns
from composer.data.readers.text_lines import read_table
from composer.errors import DataError, InputError

_DESCRIPTIONS = ("class-descriptions-boxable.csv", "class-descriptions.csv")
_HEAD = 50  # rows that the columns are found by
_MAX_SHOWN = 8  # columns
_UNNAMED = "object"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def box_table(
    *,
    table: Path,
    images: Path | None = None,
    classes: tuple[str, ...] | None = None,
    columns: dict[str, str] | None = None,
    include_others: bool = False,
) -> Dataset:
    """Reads boxes from a table.

    Columns are found by their names (`filename`, `class`, `xmin`, ...; `x`, `y`, `width`, `height`;
    Open Images' in fractions of the image); without names they are a path, x0, y0, x1, y1 and a
    class. A row with a file and no box is an image without objects. If no box of a table reaches
    beyond one pixel, all are fractions of the image.

    Args:
        table: the file.
        images: the folder of the images; by default that of the table.
        classes: names of the classes in order; by default all that occur, sorted.
        columns: names of columns by meaning, where they are not found: `file`, `label`, and `x0`,
            `y0`, `x1`, `y1`, or `x`, `y`, `width`, `height`, or `box` (x, y, width and height).
        include_others: whether images that no row names are images without objects.

    Raises:
        DataError: the table cannot be read, or has not these columns.
    """
    rows, meant = read_boxes(table, columns)
    names = read_class_names(table) if meant.is_open_images else {}
    found = classes if classes is not None else list_classes(rows, meant, names)
    finder = ImageFinder(images or table.parent)
    builder = DatasetBuilder(found)
    if "label" not in meant.places and classes is None:
        message = (
            f"the table has no column of classes; all boxes are of the class '{_UNNAMED}' (in a "
            f"data file, 'columns: {{label: NAME}}' names one, and 'classes: [NAME]' this class)"
        )
        builder.log.add("unnamed_category", message)
    reader = _RowReader(builder, finder, meant, names, _are_fractions(rows, meant))
    for number, row in enumerate(rows, start=1 + meant.has_header):
        reader.read(row, f"row {number}")
    if include_others:
        for root in finder.roots:
            for file in list_images(root):
                reader.open(file.relative_to(root).as_posix())
    return builder.build(table.stem)


def read_boxes(
    table: Path, chosen: Mapping[str, str] | None = None
) -> tuple[list[list[str]], Columns]:
    """The rows of a table without the header, and its columns.

    Args:
        table: the file.
        chosen: names of columns by meaning, over those that are found.

    Raises:
        DataError: the table cannot be read, or has no boxes.
    """
    rows = _read_table(table)
    try:
        columns = find_columns(rows[:_HEAD], chosen)
    except InputError as error:
        raise DataError(f"{table}: {error}") from None
    if columns is None:
        raise DataError(f"{table}: it has no columns of files and boxes; {describe_header(rows)}")
    return rows[columns.has_header :], columns


def describe_header(rows: Sequence[Sequence[str]]) -> str:
    """How a table begins, and how to name the columns of one that is not understood."""
    shown = ", ".join(rows[0][:_MAX_SHOWN]) if rows else "nothing"
    return (
        f"it begins with: {shown}. In a data file, the reader 'csv' takes the names of columns: "
        "'columns: {file: NAME, label: NAME, x: NAME, y: NAME, width: NAME, height: NAME}' "
        "(corners are x0, y0, x1, y1; a text of four numbers is a box)"
    )


def _read_table(file: Path) -> list[list[str]]:
    try:
        return read_table(file)
    except BadPart as bad:
        raise DataError(bad.message) from None


def list_classes(
    rows: Sequence[Sequence[str]], columns: Columns, names: Mapping[str, str]
) -> list[str]:
    """All classes that occur, sorted; numbers by value."""
    if "label" not in columns.places:
        return [_UNNAMED]
    place = columns.places["label"]
    found = {names.get(row[place], row[place]) for row in rows if len(row) > place and row[place]}
    if all(label.isdecimal() for label in found):
        return sorted(found, key=int)
    return sorted(found)


def read_class_names(table: Path) -> dict[str, str]:
    """Names of Open Images' classes (`/m/0jbk`), from the file of descriptions, if it is there."""
    for folder in (table.parent, table.parent.parent):
        for name in _DESCRIPTIONS:
            file = folder / name
            if file.is_file():
                rows = _read_table(file)
                return {row[0]: row[1] for row in rows if len(row) >= 2}
    return {}


def _are_fractions(rows: Sequence[Sequence[str]], columns: Columns) -> bool:
    if columns.is_open_images:
        return True
    largest = 0.0
    for row in rows:
        try:
            box = _read_box(row, columns)
        except BadPart:
            continue
        largest = max(largest, *box) if box else largest
    return 0 < largest <= 1


class _RowReader:
    def __init__(
        self,
        builder: DatasetBuilder,
        finder: ImageFinder,
        columns: Columns,
        names: Mapping[str, str],
        fractions: bool,
    ) -> None:
        self._builder, self._finder, self._columns = builder, finder, columns
        self._names, self._fractions = names, fractions
        self._images: dict[str, FoundImage | None] = {}

    def read(self, row: Sequence[str], place: str) -> None:
        """Reads one row."""
        image = self.open(self._cell(row, "file"))
        if image is None:
            return
        try:
            box = _read_box(row, self._columns)
        except BadPart as bad:
            image.note(bad.kind, bad.message, place)
            return
        if box is None:
            return
        if self._fractions:
            width, height = image.width or 1, image.height or 1
            box = [box[0] * width, box[1] * height, box[2] * width, box[3] * height]
        label = self._cell(row, "label") if "label" in self._columns.places else _UNNAMED
        image.add(
            self._names.get(label, label),
            box,
            is_crowd=self._cell(row, "group") in ("1", "true", "True"),
            is_difficult=self._cell(row, "difficult") in ("1", "true", "True"),
            place=place,
        )

    def open(self, name: str) -> FoundImage | None:
        """The image of a name; None if it cannot be used, which is reported once."""
        if name not in self._images:
            self._images[name] = self._find(name)
        return self._images[name]

    def _find(self, name: str) -> FoundImage | None:
        try:
            file = self._finder.find(name)
            height, width = read_size(file)
        except BadPart as bad:
            self._builder.log.add(bad.kind, bad.message, name)
            return None
        root = self._finder.roots[0]
        inside = file.is_relative_to(root)
        image_id = file.relative_to(root).as_posix() if inside else file.as_posix()
        return self._builder.add_image(file, image_id, height, width)

    def _cell(self, row: Sequence[str], meaning: str) -> str:
        place = self._columns.places.get(meaning)
        return row[place] if place is not None and place < len(row) else ""


def _read_box(row: Sequence[str], columns: Columns) -> list[float] | None:
    """The corners of a row's box; None if the row has none.

    Raises:
        BadPart: it is no box.
    """
    places = columns.places
    if "box" in places and not all(side in places for side in CORNERS):
        cell = row[places["box"]] if places["box"] < len(row) else ""
        values = _NUMBER.findall(cell)
        sides = SIDES
        if not cell:
            return None
    else:
        sides = CORNERS if all(side in places for side in CORNERS) else SIDES
        values = [row[places[side]] if places[side] < len(row) else "" for side in sides]
        if not any(values):
            return None
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not are_numbers(numbers):
        raise BadPart("malformed", f"a box is four numbers, not {', '.join(values)}")
    if sides is SIDES:
        x, y, width, height = numbers
        return [x, y, x + width, y + height]
    return numbers
