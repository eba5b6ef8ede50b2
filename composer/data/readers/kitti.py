"""KITTI's object labels (Geiger et al., CVPR 2012): a text file an image, a line an object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.faults import BadPart
from composer.data.json_values import are_numbers
from composer.data.readers.image_finder import ImageFinder, list_images
from composer.data.readers.record_builder import DatasetBuilder, FoundImage, read_size
from composer.data.readers.text_lines import read_text
from composer.errors import DataError
from composer.images import walk_folder

_FEWEST = 8  # values: the class, three of its pose, and the four sides of the box
_NO_CLASS = "DontCare"  # regions in which objects are not labelled


def kitti(*, labels: Path, images: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Reads boxes; regions called `DontCare` are left out.

    Args:
        labels: the folder of the label files, such as `label_2`.
        images: the folder of the images, such as `image_2`.
        classes: names of the classes in order; by default all that occur, sorted.

    Raises:
        DataError: there is no label file in the folder.
    """
    files = [file for file in walk_folder(labels) if file.suffix.lower() == ".txt"]
    if not files:
        raise DataError(f"{labels}: there is no label file (*.txt) in this folder")
    builder, finder = DatasetBuilder(classes), ImageFinder(images)
    for file in files:
        name = file.relative_to(labels).with_suffix("").as_posix()
        try:
            image_file = finder.find_first(name)
            height, width = read_size(image_file)
            lines = read_text(file).splitlines()
        except BadPart as bad:
            builder.log.add(bad.kind, bad.message, file.name)
            continue
        image = builder.add_image(image_file, name, height, width)
        for number, line in enumerate(lines, start=1):
            if line.strip():
                _add(image, line, f"line {number}")
    return builder.build(labels.name)


def _add(image: FoundImage, line: str, place: str) -> None:
    try:
        label, box = parse_line(line)
    except BadPart as bad:
        image.note(bad.kind, bad.message, place)
        return
    if label != _NO_CLASS:
        image.add(label, box, place=place)


def parse_line(line: str) -> tuple[str, list[float]]:
    """The class and the corners of an object: values 0, and 4 to 7.

    Raises:
        BadPart: it is no such line.
    """
    label, *values = line.split() or [""]
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        numbers = []
    if len(numbers) < _FEWEST - 1 or not are_numbers(numbers):
        raise BadPart("malformed", "a line is a class and 14 numbers, of which 4 to 7 are the box")
    return label, numbers[3:7]


def list_classes(labels: Path) -> set[str]:
    """The classes of all label files of a folder."""
    return set(_list_labels(labels)) - {_NO_CLASS}


def _list_labels(labels: Path) -> Iterator[str]:
    for file in walk_folder(labels):
        if file.suffix.lower() == ".txt":
            try:
                for line in filter(str.strip, read_text(file).splitlines()):
                    yield parse_line(line)[0]
            except BadPart:
                continue


def is_label(line: str) -> bool:
    """Whether a line is an object of KITTI: a name and 14 numbers, or 15 with a score."""
    words = line.split()
    if len(words) not in (15, 16) or words[0][:1].isdecimal():
        return False
    try:
        parse_line(line)
    except BadPart:
        return False
    return True


def find_images(labels: Path) -> Path | None:
    """The folder of the images of label files: one beside theirs that has an image of a name."""
    file = next((one for one in walk_folder(labels) if one.suffix.lower() == ".txt"), None)
    if file is None:
        return None
    inner = sorted(path for path in labels.parent.iterdir() if path.is_dir() and path != labels)
    for folder in [*inner, labels]:
        if any(image.stem == file.stem for image in list_images(folder)):
            return folder
    return None
