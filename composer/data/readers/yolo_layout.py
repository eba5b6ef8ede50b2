"""Where the files of a YOLO dataset are: Ultralytics' `data.yaml`, darknet's files, or folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from composer.data.faults import BadPart
from composer.data.readers.image_finder import ImageFinder, list_images
from composer.data.readers.plain_yaml import parse_plain_yaml
from composer.data.readers.split_names import name_split
from composer.data.readers.text_lines import read_text
from composer.errors import DataError
from composer.images import IMAGE_SUFFIXES, find_in_folder

SPLITS = ("train", "val", "test")
MAX_CLASSES = 10_000  # that a number stands for
CLASS_FILES = ("classes.txt", "obj.names", "predefined_classes.txt", "labels.txt")
_DESCRIPTION = "data"  # the usual name of the description
_LABELS = "labels"
_NOTHING = ("", "null", "Null", "NULL", "~")  # of YAML
_LONGEST = 10  # digits of a number


@dataclass(frozen=True)
class YoloLayout:
    """The images of each split, and what the dataset says of classes and keypoints.

    Args:
        source: what describes it: a file, or the folder.
        root: the folder that paths are relative to.
        classes: names of the classes by number; None if nothing names them, or counts them.
        are_named: whether the classes have names, and not only a number.
        splits: the folders, lists and images of each split.
        keypoint_shape: number of keypoints, and of values for each (2 or 3).
        flip_indices: for each keypoint, the one that takes its place in a mirror.
        keypoint_names: names of the keypoints.
        missing: why splits that are described cannot be read.
    """

    source: Path
    root: Path
    classes: tuple[str, ...] | None
    splits: Mapping[str, tuple[Path, ...]]
    keypoint_shape: tuple[int, int] | None = None
    flip_indices: tuple[int, ...] | None = None
    keypoint_names: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    are_named: bool = True

    def list_images(self, split: str | None) -> Iterator[Path]:
        """The images of a split, or of all.

        Raises:
            DataError: there is no such split, or its images are missing.
        """
        if split is not None and split not in self.splits:
            there = ", ".join(self.splits) or "none"
            gone = f": {self.missing[split]}" if split in self.missing else ""
            raise DataError(f"{self.source}: there is no split '{split}'{gone}; there are: {there}")
        for name in self.splits if split is None else [split]:
            for path in self.splits[name]:
                yield from _expand(path, self.root)


def read_layout(path: Path) -> YoloLayout:
    """The layout of a dataset.

    Args:
        path: `data.yaml`, darknet's `obj.data`, or a folder with one of them, or with images,
            label files and perhaps a list of classes.

    Raises:
        DataError: it is none of these, or a file of it cannot be read.
    """
    if path.is_dir():
        for file in find_in_folder(path, ".yaml", ".yml"):
            if is_data_yaml(_try_yaml(file)):
                return _read_yaml_layout(file)
        described = find_in_folder(path, ".data")
        return _read_darknet(described[0]) if described else _read_folder(path)
    return _read_darknet(path) if path.suffix == ".data" else _read_yaml_layout(path)


def is_data_yaml(document: object) -> bool:
    """Whether a YAML document is Ultralytics' description of a dataset."""
    if not isinstance(document, Mapping) or "composer_data" in document:
        return False
    return ("names" in document or "nc" in document) and any(s in document for s in SPLITS)


def load_yaml(file: Path) -> Any:
    """The content of a YAML file, with every value as the text that is written.

    Raises:
        DataError: it cannot be read, is no YAML, or longer than any description of a dataset.
    """
    try:
        return parse_plain_yaml(_read_text(file))
    except ValueError as error:
        raise DataError(f"{file}: it is no YAML: {error}") from None


def _read_text(file: Path) -> str:
    try:
        return read_text(file)
    except BadPart as bad:
        raise DataError(bad.message) from None


def _try_yaml(file: Path) -> Any:
    """The content of a YAML file, which may be of something else unless its name is `data.yaml`."""
    try:
        return load_yaml(file)
    except DataError:
        if file.stem == _DESCRIPTION:
            raise
        return None


def _read_yaml_layout(file: Path) -> YoloLayout:
    document = load_yaml(file)
    if not is_data_yaml(document):
        raise DataError(f"{file}: it has not the keys of a YOLO dataset: names, and train or val")
    roots = _list_roots(file, document.get("path"))
    splits: dict[str, tuple[Path, ...]] = {}
    missing: dict[str, str] = {}
    for split in SPLITS:
        written = document.get(split)
        if not written or written in _NOTHING:
            continue
        try:
            splits[split] = tuple(_locate(str(one), roots) for one in _as_list(written))
        except DataError as error:
            missing[split] = str(error)
    if not splits:
        raise DataError(f"{file}: {'; '.join(missing.values()) or 'no split is named'}")
    shape = _read_shape(document.get("kpt_shape"), file)
    return YoloLayout(
        source=file,
        root=_common_root(file, splits),
        classes=_read_names(document, file),
        splits=splits,
        keypoint_shape=shape,
        flip_indices=_read_flips(document.get("flip_idx"), shape, file),
        keypoint_names=_read_keypoint_names(document.get("kpt_names"), shape),
        missing=missing,
        are_named=document.get("names") is not None,
    )


def _list_roots(file: Path, written: object) -> list[Path]:
    """The folders that paths may be relative to, the likeliest first.

    Ultralytics takes `path` from the current folder or from its folder of datasets; a dataset
    that was moved is found by the folder of its `data.yaml`.
    """
    own = file.parent
    if not isinstance(written, str) or not written:
        return [own]
    path = Path(written.replace("\\", "/")).expanduser()
    candidates = [own / path, path, own.parent / path, own.parent / "datasets" / path]
    return [folder for folder in candidates if os.path.isdir(folder)] + [own]


def _locate(written: str, roots: Sequence[Path]) -> Path:
    """The folder or list of a split.

    Of `../train/images`, Roboflow's form, and of a path of another machine, the longest end that
    exists counts.
    """
    parts = Path(written.replace("\\", "/")).parts
    for start in range(len(parts)):
        for root in roots:
            path = Path(os.path.normpath(root / Path(*parts[start:])))
            if os.path.exists(path):  # Path.exists raises where a name is too long
                return path
    raise DataError(f"there is no '{written}' in {roots[-1]}")


def _common_root(file: Path, splits: Mapping[str, Sequence[Path]]) -> Path:
    """The folder of the description if it has the images below it, else the deepest of all."""
    paths = [os.path.abspath(path) for each in splits.values() for path in each]
    own = os.path.abspath(file.parent)
    if all(path.startswith(own + os.sep) for path in paths):
        return file.parent
    return Path(os.path.commonpath([os.path.dirname(path) for path in paths]))


def _expand(path: Path, root: Path) -> Iterator[Path]:
    """The images of a folder, a list or a single file."""
    if path.is_dir():
        yield from list_images(path)
    elif path.suffix.lower() == ".txt":
        yield from _read_list(path, root)
    else:
        yield path


def _read_list(file: Path, root: Path) -> Iterator[Path]:
    finder = ImageFinder(file.parent, root)
    for line in filter(None, map(str.strip, _read_text(file).splitlines())):
        written = line.replace("\\", "/")
        candidates = [file.parent / written, root / written, Path(written)]
        found = next((path for path in candidates if os.path.isfile(path)), None)
        if found is None:  # darknet's lists are relative to the folder that it was started in
            try:
                found = finder.find(written)
            except BadPart:
                found = candidates[0]
        yield found


def _as_list(written: object) -> list[Any]:
    return list(written) if isinstance(written, (list, tuple)) else [written]


def _read_names(document: Mapping[str, Any], file: Path) -> tuple[str, ...] | None:
    """The names of the classes: a list, or a mapping from numbers."""
    names, count = document.get("names"), _read_count(document.get("nc"), file)
    if names is None:
        return None if count is None else tuple(f"class {number}" for number in range(count))
    if isinstance(names, Mapping):
        numbers = {_to_number(key, file): name for key, name in names.items()}
        if sorted(numbers) != list(range(len(numbers))):
            raise DataError(f"{file}: 'names' has the numbers {sorted(numbers)}, not 0, 1, 2, ...")
        names = [numbers[number] for number in range(len(numbers))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{file}: 'names' is a list of names, or a mapping from numbers to names")
    found = tuple(names)
    if count is not None and count != len(found):
        raise DataError(f"{file}: 'names' has {len(found)} classes, but 'nc' is {count}")
    return found


def _read_count(written: object, file: Path) -> int | None:
    """The number of classes, if it is written."""
    if written is None or written in _NOTHING:
        return None
    count = _as_number(written)
    if count is None or count > MAX_CLASSES:
        raise DataError(f"{file}: 'nc' is a number of classes up to {MAX_CLASSES}, not {written!r}")
    return count


def _as_number(written: object) -> int | None:
    is_short = isinstance(written, str) and written.isascii() and len(written) < _LONGEST
    return int(str(written)) if is_short and str(written).isdecimal() else None


def _to_number(key: object, file: Path) -> int:
    number = _as_number(key)
    if number is not None:
        return number
    raise DataError(f"{file}: 'names' has the key {key!r}, which is no number of a class")


def _read_shape(written: object, file: Path) -> tuple[int, int] | None:
    if written is None or written in _NOTHING:
        return None
    values = [_as_number(value) for value in written] if isinstance(written, list) else []
    if len(values) == 2:
        count, size = (value or 0 for value in values)
        if 0 < count <= MAX_CLASSES and size in (2, 3):
            return count, size
    raise DataError(f"{file}: 'kpt_shape' is [number of keypoints, 2 or 3], not {written!r}")


def _read_flips(
    written: object, shape: tuple[int, int] | None, file: Path
) -> tuple[int, ...] | None:
    if written is None or shape is None or written in (*_NOTHING, []):
        return None
    read = [_as_number(value) for value in written] if isinstance(written, list) else []
    indices = [index for index in read if index is not None]
    is_mirror = sorted(indices) == list(range(shape[0]))
    if not is_mirror or any(indices[partner] != own for own, partner in enumerate(indices)):
        raise DataError(
            f"{file}: 'flip_idx' names for each of {shape[0]} keypoints the one that takes its "
            f"place in a mirror, and the other way round; {written!r} does not"
        )
    return tuple(indices)


def _read_keypoint_names(written: object, shape: tuple[int, int] | None) -> tuple[str, ...]:
    """Names of the keypoints; Ultralytics has them by class, and all classes have the same."""
    if shape is None:
        return ()
    names = next(iter(written.values()), None) if isinstance(written, Mapping) else written
    known = names if isinstance(names, list) else []
    if len(known) == shape[0] and all(isinstance(name, str) for name in known):
        return tuple(known)
    return tuple(f"keypoint {number}" for number in range(shape[0]))


def _read_darknet(file: Path) -> YoloLayout:
    """Darknet's description: lines `key = value`, with lists of images and a file of names."""
    pairs = (line.split("=", 1) for line in _read_text(file).splitlines() if "=" in line)
    values = {key.strip(): value.strip() for key, value in pairs}
    splits = {}
    for key, written in values.items():
        split = name_split(key)
        found = _find_listed(written, file.parent)
        if split is not None and found is not None:
            splits[split] = (found,)
    if not splits:
        raise DataError(f"{file}: it names no list of images that exists (train, valid)")
    names = _find_listed(values.get("names", "obj.names"), file.parent)
    classes = None if names is None else read_class_file(names)
    return YoloLayout(file, file.parent, classes, splits)


def _find_listed(written: str, folder: Path) -> Path | None:
    """A file that darknet's description names, relative to wherever darknet was started."""
    path = Path(written.replace("\\", "/"))
    ends = [Path(*path.parts[start:]) for start in range(len(path.parts))]
    return next((folder / end for end in ends if os.path.isfile(folder / end)), None)


def read_class_file(file: Path) -> tuple[str, ...]:
    """The names of classes, a line each.

    Raises:
        DataError: it cannot be read.
    """
    text = _read_text(file).rstrip()  # a line that is blank counts, but for the last ones
    return tuple(line.strip() for line in text.splitlines())


def _read_folder(folder: Path) -> YoloLayout:
    """Folders of images with label files, split by the names of folders."""
    named = find_class_file(folder)
    classes = None if named is None else read_class_file(named)
    by_split: dict[str, list[Path]] = {}
    for image in list_images(folder):
        inner = image.relative_to(folder).parts[:-1]
        split = next((s for part in inner if (s := name_split(part))), "")
        by_split.setdefault(split, []).append(image)
    if not by_split:
        suffixes = ", ".join(IMAGE_SUFFIXES)
        raise DataError(f"{folder}: there is no image in this folder ({suffixes})")
    splits = {split: tuple(images) for split, images in by_split.items()}
    return YoloLayout(folder, folder, classes, splits)


def find_class_file(folder: Path) -> Path | None:
    """The list of classes of a folder without a description."""
    for inner in (folder, folder / _LABELS, folder / "data", folder.parent / _LABELS):
        for name in CLASS_FILES:
            if (inner / name).is_file():
                return inner / name
        found = find_in_folder(inner, ".names")
        if found:
            return found[0]
    return None
