"""Label files of YOLO by the paths of their images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from composer.names import fold_case

_IMAGES, _LABELS = "images", "labels"
_SUFFIXES = (".txt", ".TXT")


def find_labels(image: Path) -> Path:
    """The label file of an image, by Ultralytics' rule.

    The last folder called `images` in the path becomes `labels`; without one, the file lies beside
    the image. Where there is no such file, another case or Unicode form of the name counts, and
    the file beside the image if there is no folder `labels`.
    """
    by_rule, *others = places = list(_list_labels(image))
    if os.path.isfile(by_rule):  # Path.is_file raises where a name is too long
        return by_rule
    found = next((file for file in others if os.path.isfile(file)), None)
    return found or _find_alike(places) or by_rule


def _find_alike(places: Sequence[Path]) -> Path | None:
    """The only label file in one of the places' folders whose name differs by case or form."""
    for folder in dict.fromkeys(place.parent for place in places):
        try:
            alike = _index_labels(folder, folder.stat().st_mtime_ns)
        except OSError:
            continue
        found = alike.get(fold_case(places[0].stem), ())
        if len(found) == 1:
            return found[0]
    return None


@lru_cache(maxsize=64)
def _index_labels(folder: Path, _changed: int) -> Mapping[str, tuple[Path, ...]]:
    """The label files of a folder by their folded stems, listed once as long as it is the same."""
    found: dict[str, tuple[Path, ...]] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix in _SUFFIXES:
            key = fold_case(file.stem)
            found[key] = (*found.get(key, ()), file)
    return found


def _list_labels(image: Path) -> Iterator[Path]:
    """Where the label file of an image may be: first by the rule."""
    places = [number for number, part in enumerate(image.parts[:-1]) if part.lower() == _IMAGES]
    if not places:
        yield from (image.with_suffix(suffix) for suffix in _SUFFIXES)
        return
    before, after = image.parts[: places[-1]], image.parts[places[-1] + 1 :]
    for folder in (_LABELS, _LABELS.title(), _LABELS.upper()):
        yield from (Path(*before, folder, *after).with_suffix(suffix) for suffix in _SUFFIXES)
    if not os.path.isdir(Path(*before, _LABELS)):
        yield from (image.with_suffix(suffix) for suffix in _SUFFIXES)
