"""COCO's format of instances and keypoints (https://cocodataset.org/#format-data)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from composer.data.dataset import Dataset
from composer.data.faults import FaultLog
from composer.data.json_file import read_json
from composer.data.json_values import as_integer, as_name, show_value
from composer.data.metadata import Metadata, find_flip_pairs
from composer.data.readers.coco_document import (
    Category,
    have_masks,
    read_categories,
    read_records,
)
from composer.data.readers.flip_pairs import describe_bad_pairs, index_pairs
from composer.data.readers.image_files import ImageFiles
from composer.documents import Name
from composer.errors import DataError
from composer.names import did_you_mean

_SIDED = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
PERSON_KEYPOINTS = {"nose"} | {f"{side}_{part}" for side in ("left", "right") for part in _SIDED}


def coco(
    *,
    annotations: Path,
    images: Path,
    keypoint_flip_pairs: list[tuple[Name, Name]] | None = None,
    unused_categories: tuple[int, ...] = (),
    find_anywhere: bool = False,
    keypoints_of: Name | None = None,
) -> Dataset:
    """Reads objects with boxes, masks and keypoints.

    Categories are numbered from 0 in the order of their ids.

    Args:
        annotations: the JSON file.
        images: the folder that file names are relative to.
        keypoint_flip_pairs: names of keypoints that change places in a mirror, [] if none does; by
            default what the categories say under this key, or COCO's pairs of its own keypoints.
            Others are unknown, and such keypoints are not mirrored.
        unused_categories: ids of categories that are no classes, such as the one that Roboflow
            puts before the classes.
        find_anywhere: whether an image that is not at its path is the only one, below the folder,
            of the longest end of the path, as where Label Studio wrote `../../media/a.jpg`.
        keypoints_of: name of the category whose keypoints are read, where categories have
            different ones; by default none are read then.

    Raises:
        DataError: the file or the folder cannot be read.
    """
    log = FaultLog()
    document = read_json(annotations, ("images", "annotations", "categories"), log)
    first = document["annotations"][:1]
    if any(isinstance(entry, Mapping) and "segments_info" in entry for entry in first):
        raise DataError(f"{annotations}: it has panoptic segments, which 'coco_panoptic' reads")
    files = ImageFiles(images, anywhere=find_anywhere)
    listed = read_categories(document["categories"], log)
    categories = [one for one in listed if one.own_id not in unused_categories]
    keypoints = _read_keypoints(categories, keypoints_of, annotations, log)
    metadata = _to_metadata(categories, keypoints, keypoint_flip_pairs)
    found = read_records(document, files, categories, log, len(keypoints.names), keypoints.others)
    records = tuple(record for record, _ in found)
    metadata = replace(metadata, has_masks=have_masks(document["annotations"]))
    return Dataset(annotations.stem, records, metadata, tuple(log.faults))


class _Keypoints(NamedTuple):
    """The keypoints of a document.

    Args:
        names: their names.
        lines: pairs of their indices, to draw lines between.
        others: ids of categories that have other keypoints.
        flip_pairs: pairs of names that change places in a mirror; None if that is not known.
    """

    names: tuple[str, ...] = ()
    lines: tuple[tuple[int, int], ...] = ()
    others: frozenset[int] = frozenset()
    flip_pairs: list[tuple[str, str]] | None = None


def _to_metadata(
    categories: Sequence[Category],
    keypoints: _Keypoints,
    flip_pairs: list[tuple[str, str]] | None,
) -> Metadata:
    names = keypoints.names
    known = keypoints.flip_pairs if flip_pairs is None else flip_pairs
    return Metadata(
        thing_classes=tuple(category.name for category in categories),
        thing_ids=tuple(category.own_id for category in categories),
        keypoint_names=names,
        keypoint_flip_pairs=index_pairs(known or [], names),
        no_flip_pairs=known == [],
        keypoint_connections=keypoints.lines,
    )


def _read_keypoints(
    categories: Sequence[Category], chosen: str | None, file: Path, log: FaultLog
) -> _Keypoints:
    """The keypoints that the categories have, or those of the chosen one."""
    named = {one.own_id: _name_keypoints(one, log) for one in categories}
    having = [category for category in categories if named[category.own_id]]
    if chosen is not None:
        having.sort(key=lambda category: category.name != chosen)
        if not having or having[0].name != chosen:
            hint = did_you_mean(chosen, [one.name for one in having], "categories with keypoints")
            message = f"'keypoints_of': there is no category '{chosen}' that has keypoints. {hint}"
            raise DataError(f"{file}: {message}")
    if not having:
        return _Keypoints()
    first = having[0]
    names = named[first.own_id]
    for name in (name for name, times in Counter(names).items() if times > 1):
        message = f"category '{first.name}' has {names.count(name)} keypoints '{name}'"
        log.add("bad_keypoints", f"{message}: pairs of names cannot tell them apart")
    others = [category for category in having if named[category.own_id] != names]
    if others and chosen is None:
        log.add(
            "bad_keypoints",
            f"the categories '{first.name}' and '{others[0].name}' have different keypoints, so "
            "none are read; `keypoints_of` chooses the category whose keypoints are",
        )
        return _Keypoints()
    lines = tuple(_read_skeleton(first, len(names), log))
    other_ids = frozenset(category.own_id for category in others)
    return _Keypoints(names, lines, other_ids, _read_flip_pairs(first, names, log))


def _read_flip_pairs(
    category: Category, names: tuple[str, ...], log: FaultLog
) -> list[tuple[str, str]] | None:
    """The pairs that a category has, or COCO's of a person; None for others."""
    given = category.entry.get("keypoint_flip_pairs")
    if given is None:
        is_person = set(names) == PERSON_KEYPOINTS
        pairs = find_flip_pairs(names) if is_person else ()
        return [(names[a], names[b]) for a, b in pairs] if is_person else None
    found = []
    for pair in given if isinstance(given, list) else [given]:
        ends = [as_name(end) for end in pair] if isinstance(pair, list) else []
        if len(ends) != 2 or not set(ends) <= set(names):
            message = f"'keypoint_flip_pairs' has {show_value(pair)}, which is no pair of keypoints"
            log.add("bad_keypoints", message)
            return None
        found.append((str(ends[0]), str(ends[1])))
    if reason := describe_bad_pairs(found, names):
        log.add("bad_keypoints", f"'keypoint_flip_pairs': {reason}")
        return None
    return found


def _name_keypoints(category: Category, log: FaultLog) -> tuple[str, ...]:
    """The names of a category's keypoints; what is no list is noted, and counts as none."""
    given = category.entry.get("keypoints") or []
    if not isinstance(given, list):
        message = f"keypoints are a list of names, not {show_value(given)}; none are read"
        log.add("bad_keypoints", f"category '{category.name}': {message}")
        return ()
    names = [as_name(name) for name in given]
    return tuple(f"keypoint {at}" if name is None else name for at, name in enumerate(names, 1))


def _read_skeleton(category: Category, count: int, log: FaultLog) -> Iterator[tuple[int, int]]:
    """The lines between keypoints, which COCO counts from 1; others are left out."""
    given = category.entry.get("skeleton") or []
    if not isinstance(given, list):
        message = f"a skeleton is a list of pairs of keypoints, not {show_value(given)}"
        log.add("bad_keypoints", f"category '{category.name}': {message}")
        return
    for line in given:
        is_pair = isinstance(line, list) and len(line) == 2
        ends = [as_integer(end) for end in line] if is_pair else [None, None]
        a, b = (end if end is not None and 1 <= end <= count else None for end in ends)
        if a is None or b is None:
            log.add(
                "bad_keypoints",
                f"the skeleton of category '{category.name}' has the line {show_value(line)}; its "
                f"keypoints are counted from 1 to {count}",
            )
        else:
            yield a - 1, b - 1
