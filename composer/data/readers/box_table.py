"""Tables of boxes (CSV): a row a box, in the layouts that tools and data sets have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.json_values import are_numbers
from composer.data.readers.image_finder import ImageFinder, list_images
from composer.data.readers.record_builder import DatasetBuilder, FoundImage
from composer.data.readers.table_columns import (
    CENTRES,
    CORNERS,
    SIDES,
    Columns,
    find_columns,
    find_sides,
)
from composer.data.readers.text_lines import read_table
from composer.errors import DataError, InputError

_DESCRIPTIONS = ("class-descriptions-boxable.csv", "class-descriptions.csv")
_HEAD = 50  # rows that the columns are found by
_MAX_SHOWN = 8  # columns
_UNNAMED = "object"
_OF_FREEBASE = ("/m/", "/g/")  # beginnings of the ids of Open Images' classes
_LONGEST = 8  # digits of a side
_WHOLE = re.compile(r"\d+(?:\.0*)?")
_FLAGS = {
    **dict.fromkeys(("", "0", "0.0", "false", "no"), False),
    **dict.fromkeys(("1", "1.0", "true", "yes"), True),
}  # in any case; pandas writes 1.0, and Excel TRUE
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
    `x_center`, ...; Open Images' in fractions of the image); without names they are a path, x0, y0,
    x1, y1 and a class. A row with a file and no box is an image without objects. If no box of a
    table reaches beyond one pixel, all are fractions of the image.

    Args:
        table: the file.
        images: the folder of the images; by default that of the table.
        classes: names of the classes in order; by default all that occur, sorted. Of a table
            without a column of classes, the name of the only one.
        columns: names of columns by meaning, where they are not found: `file`, `label`, and `x0`,
            `y0`, `x1`, `y1`, or `x`, `y`, `width`, `height` (`cx`, `cy` where it is the centre), or
            `box` (x, y, width and height).
        include_others: whether images that no row names are images without objects.

    Raises:
        DataError: the table cannot be read, or has not these columns.
    """
    log = FaultLog()
    rows, meant = read_boxes(table, columns)
    names = read_class_names(table) if meant.is_open_images else {}
    found = classes if classes is not None else list_classes(rows, meant, names)
    if meant.is_open_images and (unnamed := [one for one in found if one.startswith(_OF_FREEBASE)]):
        message = (
            f"no file of descriptions ({_DESCRIPTIONS[0]}) names "
            f"{', '.join(unnamed[:_MAX_SHOWN])}; they are called by their ids"
        )
        log.add("unnamed_category", message)
    finder = ImageFinder(images or table.parent)
    builder = DatasetBuilder(found, log=log)
    only = None if "label" in meant.places else _choose_only_class(table, classes, builder.log)
    reader = _RowReader(builder, finder, meant, names, _are_fractions(rows, meant), only)
    for number, row in enumerate(rows, start=1 + meant.has_header):
        reader.read(row, f"row {number}")
    if include_others:
        for root in finder.roots:
            for file in list_images(root):
                reader.open(file.relative_to(root).as_posix())
    return builder.build(table.stem)


def _choose_only_class(table: Path, classes: Sequence[str] | None, log: FaultLog) -> str:
    """The class of all boxes of a table without a column of classes.

    Raises:
        DataError: several classes are named.
    """
    if classes is None:
        message = (
            f"the table has no column of classes; all boxes are of the class '{_UNNAMED}' "
            "(`--set 'classes=[NAME]'` names it; `--set 'columns={label: NAME}'` names a column)"
        )
        log.add("unnamed_category", message)
        return _UNNAMED
    if len(classes) != 1:
        raise DataError(
            f"{table}: 'classes' names {len(classes)} classes, and no column has them "
            "('columns: {label: NAME}' names one)"
        )
    return classes[0]


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
    found = rows[columns.has_header :]
    return _with_whole_labels(found, columns), columns


def _with_whole_labels(rows: list[list[str]], columns: Columns) -> list[list[str]]:
    """The rows with labels such as 1.0 as 1, where all are numbers; pandas writes them so."""
    place = columns.places.get("label")
    labels = {row[place] for row in rows if len(row) > place} if place is not None else set()
    labels.discard("")
    if place is None or not any("." in label for label in labels):
        return rows
    if not all(_WHOLE.fullmatch(label) for label in labels):
        return rows
    return [
        [cell.partition(".")[0] if at == place else cell for at, cell in enumerate(row)]
        for row in rows
    ]


def describe_header(rows: Sequence[Sequence[str]]) -> str:
    """How a table begins, and how to name the columns of one that is not understood."""
    shown = ", ".join(rows[0][:_MAX_SHOWN]) if rows else "nothing"
    return (
        f"it begins with: {shown}. In a data file, the reader 'csv' takes the names of columns: "
        "'columns: {file: NAME, label: NAME, x: NAME, y: NAME, width: NAME, height: NAME}' "
        "(corners are x0, y0, x1, y1; a centre is cx, cy; a text of four numbers is a box)"
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
        only: str | None,
    ) -> None:
        self._builder, self._finder, self._columns = builder, finder, columns
        self._names, self._fractions, self._only = names, fractions, only
        self._images: dict[str, FoundImage | None] = {}

    def read(self, row: Sequence[str], place: str) -> None:
        """Reads one row."""
        name = self._cell(row, "file")
        if not name:
            self._builder.log.add("missing_file", "the row names no image", entry=place)
            return
        image = self.open(name, self._read_size(row))
        if image is None:
            return
        label = self._cell(row, "label") if self._only is None else self._only
        try:
            box = _read_box(row, self._columns)
        except BadPart as bad:
            image.note(bad.kind, bad.message, place)
            return
        if box is None:
            if self._cell(row, "label"):
                image.note("no_object", f"the row has the class '{label:.40}', but no box", place)
            return
        if self._fractions:
            width, height = image.width or 1, image.height or 1
            box = [box[0] * width, box[1] * height, box[2] * width, box[3] * height]
        image.add(
            self._names.get(label, label),
            box,
            is_crowd=self._read_flag(row, "group", image, place),
            is_difficult=self._read_flag(row, "difficult", image, place),
            place=place,
        )

    def _read_flag(self, row: Sequence[str], meaning: str, image: FoundImage, place: str) -> bool:
        """A truth as tables have it; what is none is noted, and counts as false."""
        written = self._cell(row, meaning)
        value = _FLAGS.get(written.lower())
        if value is None:
            message = f"'{meaning}' is 0 or 1, true or false, not '{written:.40}'; it counts as 0"
            image.note("malformed", message, place)
        return bool(value)

    def open(self, name: str, size: tuple[int, int] | None = None) -> FoundImage | None:
        """The image of a name; None if it cannot be used, which is reported once.

        Args:
            name: its file name.
            size: (height, width) as the table has it; by default that of the file.
        """
        if name not in self._images:
            self._images[name] = self._find(name, size)
        return self._images[name]

    def _read_size(self, row: Sequence[str]) -> tuple[int, int] | None:
        """The (height, width) of the image in a row; None where they are no sizes."""
        height, width = (self._cell(row, f"image_{side}").strip() for side in ("height", "width"))
        are_sizes = all(side.isdecimal() and 0 < len(side) < _LONGEST for side in (height, width))
        return (int(height), int(width)) if are_sizes and int(height) * int(width) else None

    def _find(self, name: str, size: tuple[int, int] | None) -> FoundImage | None:
        root = self._finder.roots[0]

        def to_id(file: Path) -> str:
            inside = file.is_relative_to(root)
            return file.relative_to(root).as_posix() if inside else file.as_posix()

        return self._builder.find_image(self._finder, name, size=size, to_id=to_id)

    def _cell(self, row: Sequence[str], meaning: str) -> str:
        place = self._columns.places.get(meaning)
        return row[place] if place is not None and place < len(row) else ""


def _read_box(row: Sequence[str], columns: Columns) -> list[float] | None:
    """The corners of a row's box; None if the row has none.

    Raises:
        BadPart: it is no box.
    """
    places = columns.places
    sides = find_sides(places) or SIDES
    if "box" in places and sides is not CORNERS:
        cell = row[places["box"]] if places["box"] < len(row) else ""
        values = _NUMBER.findall(cell)
        sides = SIDES
        if not cell:
            return None
    else:
        values = [row[places[side]] if places[side] < len(row) else "" for side in sides]
        if not any(values):
            return None
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not are_numbers(numbers):
        raise BadPart("malformed", f"a box is four numbers, not {', '.join(values)}")
    if sides is CORNERS:
        return numbers
    x, y, width, height = numbers
    if sides is CENTRES:
        x, y = x - width / 2, y - height / 2
    return [x, y, x + width, y + height]
