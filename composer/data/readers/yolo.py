"""YOLO's label files: a text file an image, a line an object, in fractions of the image."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.faults import BadPart
from composer.data.readers.record_builder import DatasetBuilder, FoundImage, read_size
from composer.data.readers.text_lines import read_text
from composer.data.readers.yolo_labels import find_labels
from composer.data.readers.yolo_layout import (
    CLASS_FILES,
    MAX_CLASSES,
    YoloLayout,
    read_layout,
)
from composer.documents import Name
from composer.images import walk_folder
from composer.names import fold_case

_SLACK = 0.01  # of the image that a box may reach beyond it by rounding


def yolo(
    *, data: Path, split: str | None = None, classes: tuple[Name, ...] | None = None
) -> Dataset:
    """Reads objects with boxes, outlines or keypoints from YOLO's label files.

    The label file of an image lies in `labels` where the image lies in `images`, else beside it.
    An image without one has no objects. A line is `class x y width height`, with the centre of the
    box; or `class x y x y x y ...`, an outline; with `kpt_shape`, keypoints follow the box.

    Args:
        data: Ultralytics' `data.yaml`; darknet's `obj.data`; or a folder with one of them, or with
            images, label files and `classes.txt`.
        split: `train`, `val` or `test`; all images by default.
        classes: names of the classes, where no file has them.

    Raises:
        DataError: a description, a list or a folder cannot be read.
    """
    layout = read_layout(data)
    names = layout.keypoint_names
    own = classes or layout.classes
    pairs = _find_flip_pairs(layout)
    builder = DatasetBuilder(
        own,
        first_id=0,
        keypoint_names=names,
        flip_pairs=pairs,
        no_flip_pairs=layout.flip_indices is not None and not pairs,
    )
    reader = _LabelReader(layout, builder)
    if classes is None and layout.classes and not layout.are_named:
        _note_unnamed(builder)
    for file in layout.list_images(split):
        reader.read(file)
    reader.note_orphans()
    reader.note_unlabelled()
    name = "_".join(filter(None, [layout.root.resolve().name, split]))
    return builder.build(name, own if own is not None else _call_by_number(layout, builder))


def _call_by_number(layout: YoloLayout, builder: DatasetBuilder) -> list[str]:
    """Names for classes that nothing names: those of all splits, so that they have the same."""
    if builder.list_labels():
        _note_unnamed(builder)
    largest = max(
        (_find_largest(find_labels(file)) for file in layout.list_images(None)), default=-1
    )
    return [f"class {number}" for number in range(min(largest + 1, MAX_CLASSES))]


def _note_unnamed(builder: DatasetBuilder) -> None:
    message = "no file names the classes; they are called by their numbers"
    builder.log.add("unnamed_category", message)


def _has_labels(file: Path) -> bool:
    """Whether a text file begins with the line of an object."""
    try:
        _, line = next(iter(_read_lines(file)), (0, ""))
        return bool(line) and len(parse_line(line)[1]) >= 4
    except BadPart:
        return False


def _find_largest(labels: Path) -> int:
    """The largest class of a label file; -1 if it has none."""
    found = [-1]
    with contextlib.suppress(BadPart):
        for _, line in _read_lines(labels):
            with contextlib.suppress(BadPart):
                found.append(parse_line(line)[0])
    return max(found)


def _find_flip_pairs(layout: YoloLayout) -> tuple[tuple[int, int], ...]:
    flips = layout.flip_indices
    if flips is None:
        return ()
    return tuple((own, partner) for own, partner in enumerate(flips) if own < partner)


class _LabelReader:
    """Reads the label files of images into a builder."""

    def __init__(self, layout: YoloLayout, builder: DatasetBuilder) -> None:
        self._layout, self._builder = layout, builder
        self._folders: set[Path] = set()
        self._read: set[str] = set()
        self._unlabelled: list[Path] = []
        self._is_labelled = False
        self._root = os.path.abspath(layout.root)

    def read(self, file: Path) -> None:
        """Reads one image and its labels."""
        name = self._name(file)
        if name in self._read:
            message = "the image is listed twice; it is read once"
            self._builder.log.add("duplicate_id", message, name)
            return
        self._read.add(name)
        labels = find_labels(file)
        self._folders.add(labels.parent)
        if os.path.isfile(labels):
            self._is_labelled = True
        else:
            self._unlabelled.append(file)
        try:
            height, width = read_size(file)
        except BadPart as bad:
            self._builder.log.add(bad.kind, bad.message, file.name)
            return
        image = self._builder.add_image(file, name, height, width)
        try:
            lines = _read_lines(labels)
        except BadPart as bad:
            image.note(bad.kind, bad.message)
            return
        seen: set[str] = set()
        for number, line in lines:
            place = f"line {number}"
            if line in seen:
                image.note("duplicate_id", "the line is there twice; the first counts", place)
                continue
            seen.add(line)
            try:
                self._add(line, image, place)
            except BadPart as bad:
                image.note(bad.kind, bad.message, place)

    def note_orphans(self) -> None:
        """Notes label files, in the folders of those that were read, that belong to no image."""
        if any(path.is_file() for paths in self._layout.splits.values() for path in paths):
            return  # lists say which images are used
        known = {find_labels(image) for image in self._layout.list_images(None)}
        for folder in sorted(self._folders):
            for file in sorted(folder.glob("*.txt")):
                if file not in known and file.name not in CLASS_FILES and _has_labels(file):
                    message = "there is no image of this label file"
                    self._builder.log.add("missing_file", message, file.name)

    def note_unlabelled(self) -> None:
        """Notes that no image that was read has a label file, if there are any elsewhere.

        A split for tests may have none; a whole dataset may not.
        """
        if self._is_labelled or not self._unlabelled:
            return
        expected = find_labels(self._unlabelled[0])
        message = f"no image has a label file; that of {self._unlabelled[0].name} is expected"
        strays = self._find_strays()
        if strays:
            elsewhere = f"label files of such names lie elsewhere: {strays[0]}"
            self._builder.log.add("missing_file", f"{message} at {expected}; {elsewhere}")
        elif not any(map(os.path.isfile, map(find_labels, self._layout.list_images(None)))):
            self._builder.log.add("missing_file", f"{message} at {expected}")

    def _find_strays(self) -> list[Path]:
        """Label files anywhere in the dataset that are called like images without one."""
        stems = {fold_case(image.stem) for image in self._unlabelled}
        source = self._layout.source
        folders = dict.fromkeys([self._layout.root, source if source.is_dir() else source.parent])
        return [
            file
            for folder in folders
            for file in walk_folder(folder)
            if file.suffix.lower() == ".txt" and fold_case(file.stem) in stems and _has_labels(file)
        ]

    def _name(self, file: Path) -> str:
        """An image's id: its path below the dataset's folder."""
        path = os.path.abspath(file)
        inside = path.startswith(self._root + os.sep)
        return Path(os.path.relpath(path, self._root) if inside else path).as_posix()

    def _add(self, line: str, image: FoundImage, place: str) -> None:
        label, values = parse_line(line)
        height, width = image.height or 1, image.width or 1
        shape = self._layout.keypoint_shape
        count = 4 + (0 if shape is None else shape[0] * shape[1])
        box_values, rest = values[:4], values[4:]
        if shape is not None and len(values) == count:
            keypoints = _to_keypoints(rest, shape[1], height, width)
            image.add(label, _to_box(box_values, height, width), keypoints=keypoints, place=place)
        elif len(values) == 4:
            image.add(label, _to_box(values, height, width), place=place)
        elif shape is None and len(values) >= 6 and len(values) % 2 == 0:
            _check_fractions(values)
            scaled = [v * (height if i % 2 else width) for i, v in enumerate(values)]
            image.add(label, segmentation=[scaled], place=place)
        else:
            raise BadPart("malformed", _describe_count(len(values), count, shape))


def _read_lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a label file that have something, with their numbers; none without the file."""
    if not os.path.isfile(file):
        return iter(())
    lines = read_text(file).splitlines()
    return ((n, " ".join(line.split())) for n, line in enumerate(lines, 1) if line.strip())


def parse_line(line: str) -> tuple[int, list[float]]:
    """The class and the values of a line."""
    try:
        first, *values = (float(word) for word in line.split())
    except ValueError:
        raise BadPart("malformed", f"the line is no list of numbers: {line!r:.60}") from None
    if not (first >= 0 and first.is_integer()):
        raise BadPart("malformed", f"a class is a whole number from 0, not {first:g}")
    return int(first), values


def _to_box(values: Sequence[float], height: int, width: int) -> tuple[float, float, float, float]:
    """The corners of a box that is given by its centre and size, in fractions of the image."""
    x, y, box_width, box_height = values
    _check_fractions(values)
    return (
        (x - box_width / 2) * width,
        (y - box_height / 2) * height,
        (x + box_width / 2) * width,
        (y + box_height / 2) * height,
    )


def _check_fractions(values: Sequence[float]) -> None:
    for value in values:
        if not -_SLACK <= value <= 1 + _SLACK:  # NaN, too
            raise BadPart(
                "box_scale", f"coordinates are fractions of the image (0 to 1); {value:g} is none"
            )


def _to_keypoints(values: Sequence[float], size: int, height: int, width: int) -> list[float]:
    """Flat x, y, visibility. Of two values, negative ones or zeros are a point without a label."""
    found: list[float] = []
    for start in range(0, len(values), size):
        x, y, *rest = values[start : start + size]
        visibility = rest[0] if rest else float(not (x < 0 or y < 0 or x == y == 0)) * 2
        found += [x * width, y * height, visibility]
    return found


def _describe_count(count: int, expected: int, shape: tuple[int, int] | None) -> str:
    if shape is not None:
        return f"the line has {count} numbers behind the class; 'kpt_shape' makes it {expected}"
    if count == 5:
        return "the line has a confidence behind the box: it is a prediction, not an annotation"
    return (
        f"the line has {count} numbers behind the class: a box is four (x, y, width, height), an "
        "outline pairs x, y of three corners or more"
    )
