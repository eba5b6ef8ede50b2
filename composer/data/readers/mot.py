"""Ground truth of MOTChallenge (Milan et al. 2016, section 5): tables of boxes by frame.

A row of `gt.txt` is frame, track, left, top, width, height, whether it counts, class, visibility.
Frames and pixels are counted from 1: the box at 1, 1 begins in the corner of the image. CVAT, which
adds a list of classes, counts frames from 1 and pixels from 0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.faults import BadPart
from composer.data.readers.image_finder import list_images
from composer.data.readers.record_builder import DatasetBuilder, FoundImage, read_size
from composer.data.readers.text_lines import read_table, read_text
from composer.data.readers.yolo_layout import read_class_file
from composer.errors import DataError
from composer.images import walk_folder

TRUTH = "gt.txt"
_CLASSES = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle",
    "static person", "distractor", "occluder", "occluder on the ground", "occluder full",
    "reflection", "crowd",
)  # fmt: skip
_LABELS = "labels.txt"  # CVAT's list of classes, beside the truth
_FEWEST = 6  # values of a row


def mot(*, folder: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Reads the boxes of sequences; those that do not count are marked as difficult.

    Args:
        folder: the folder of a sequence, which has `gt/gt.txt` and `img1`, or one with several.
        classes: names of the classes by number, from 1; by default those of `gt/labels.txt`, or
            MOTChallenge's. Rows without a class are of the first.

    Raises:
        DataError: there is no sequence, or a file cannot be read.
    """
    truths = list_truths(folder)
    if not truths:
        raise DataError(f"{folder}: there is no 'gt/{TRUTH}' of MOTChallenge")
    names = classes or _find_classes(truths[0])
    builder = DatasetBuilder(names)
    for truth in truths:
        try:
            _read_sequence(truth, folder, builder, len(names))
        except BadPart as bad:
            raise DataError(f"{truth}: {bad.message}") from None
    return builder.build(folder.resolve().name)


def list_truths(folder: Path) -> list[Path]:
    """The tables `gt/gt.txt` of the sequences below a folder."""
    return [file for file in walk_folder(folder) if file.name == TRUTH and file.parent.name == "gt"]


def is_row(cells: Sequence[str]) -> bool:
    """Whether a row begins with a frame from 1, a track and a box."""
    return len(cells) >= _FEWEST and bool(_to_numbers(cells))


def _find_classes(truth: Path) -> Sequence[str]:
    labels = truth.with_name(_LABELS)
    return read_class_file(labels) if labels.is_file() else _CLASSES


def _read_sequence(truth: Path, folder: Path, builder: DatasetBuilder, num_classes: int) -> None:
    """Reads a sequence; each image of it is one of the dataset, with or without objects."""
    sequence = truth.parent.parent
    frames: dict[int, FoundImage] = {}
    for number, file in _list_frames(sequence).items():
        try:
            height, width = read_size(file)
        except BadPart as bad:
            builder.log.add(bad.kind, bad.message, file.name)
            continue
        own_id = file.relative_to(folder).as_posix()
        frames[number] = builder.add_image(file, own_id, height, width)
    first_pixel = 0 if truth.with_name(_LABELS).is_file() else 1
    for number, cells in enumerate(read_table(truth), 1):
        values = _to_numbers(cells)
        if not values:
            message = "a row is frame, track, left, top, width, height, flag, class, visibility"
            builder.log.add(
                "malformed", f"{message}, not {','.join(cells):.60}", entry=f"row {number}"
            )
        elif int(values[0]) not in frames:
            builder.log.add(
                "unknown_image", f"there is no frame {values[0]:g}", entry=f"row {number}"
            )
        else:
            image = frames[int(values[0])]
            _add(image, values, first_pixel, num_classes, f"row {number}")


def _to_numbers(cells: Sequence[str]) -> list[float]:
    """The values of a row; none if it is no row."""
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        return []
    is_frame = len(values) >= _FEWEST and values[0] >= 1 and values[0].is_integer()
    return values if is_frame else []


def _list_frames(sequence: Path) -> dict[int, Path]:
    """The images of a sequence by the numbers that their names end in."""
    inner = sequence / _read_image_folder(sequence)
    files = list_images(inner if os.path.isdir(inner) else sequence)
    found: dict[int, Path] = {}
    for file in files:
        digits = file.stem[len(file.stem.rstrip("0123456789")) :]
        if digits and len(digits) < 10:
            found.setdefault(int(digits), file)
    return found


def _read_image_folder(sequence: Path) -> str:
    """The folder of the images that `seqinfo.ini` names."""
    described = sequence / "seqinfo.ini"
    parser = ConfigParser(interpolation=None)
    try:
        if described.is_file():
            parser.read_string(read_text(described))
    except (ConfigError, BadPart):
        pass
    return parser.get("Sequence", "imDir", fallback="img1")


def _add(
    image: FoundImage, values: Sequence[float], first_pixel: int, num_classes: int, place: str
) -> None:
    left, top = values[2] - first_pixel, values[3] - first_pixel
    counts = len(values) <= 6 or values[6] != 0
    number = values[7] if len(values) > 7 else 1.0
    if not (1 <= number <= num_classes and number.is_integer()):
        message = f"classes are counted from 1 to {num_classes}; {number:g} is none"
        image.note("unknown_category", message, place)
        return
    label = int(number) - 1
    box = left, top, left + values[4], top + values[5]
    image.add(label, box, is_difficult=not counts, place=place)
