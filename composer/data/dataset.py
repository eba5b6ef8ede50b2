"""A dataset: annotated images, metadata and faults.

Datasets are values. Selecting from one, or joining several, gives a new one.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from composer.data.faults import Fault
from composer.data.metadata import Metadata
from composer.data.records import Annotation, ImageId, Record
from composer.errors import DataError, NameResolutionError
from composer.names import describe_unresolved, did_you_mean

_Entry = TypeVar("_Entry")
_NAMES = ("thing_classes", "stuff_classes", "keypoint_names")
_SHARED = (*_NAMES, "sem_seg_of_things", "keypoint_flip_pairs", "ignore_label")  # if joined
_OF_KEYPOINTS = ("keypoint_names", "keypoint_flip_pairs", "keypoint_connections")
_FLAGS = ("has_masks", "no_flip_pairs")
_IDS = ("thing_ids", "stuff_ids")
_GREY = (128, 128, 128)
_ABSENT, _NOT_EXHAUSTIVE = "neg_categories", "not_exhaustive_categories"  # of a record's `extra`


@dataclass(frozen=True)
class Dataset:
    """Annotated images.

    Args:
        name: what it is called.
        records: its images.
        metadata: the names behind its numbers.
        faults: what its reader found wrong, and left out.
    """

    name: str
    records: tuple[Record, ...]
    metadata: Metadata
    faults: tuple[Fault, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, index: int) -> Record:
        return self.records[index]

    @property
    def num_annotations(self) -> int:
        """The number of annotated objects."""
        return sum(len(record.annotations) for record in self.records)

    def only_annotated(self) -> Dataset:
        """The images that have an object that is no crowd, or a segment."""
        kept = tuple(record for record in self.records if _is_annotated(record))
        return replace(self, records=kept)

    def with_keypoints(self, count: int) -> Dataset:
        """The images whose objects, crowds left out, have at least so many labelled keypoints."""
        kept = tuple(record for record in self.records if _count_keypoints(record) >= count)
        return replace(self, records=kept)

    def select_images(self, image_ids: Collection[ImageId]) -> Dataset:
        """The images with these ids, in the dataset's order.

        Raises:
            DataError: there is no image of one of the ids.
        """
        wanted = {str(image_id) for image_id in image_ids}
        kept = tuple(record for record in self.records if str(record.image_id) in wanted)
        missing = wanted - {str(record.image_id) for record in kept}
        if missing:
            named = ", ".join(sorted(missing)[:5])
            raise DataError(f"dataset '{self.name}' has no image of the id {named}")
        return replace(self, records=kept)

    def select_folds(self, folds: Collection[int], of: int) -> Dataset:
        """Some of a number of equal folds, the same on every machine.

        With the images sorted by id, every `of`-th one belongs to one fold: image 0, `of`, ... to
        fold 0, image 1, `of` + 1, ... to fold 1.

        Args:
            folds: which parts, counted from 0.
            of: how many parts there are.

        Raises:
            DataError: there is no such part.
        """
        for fold in folds:
            if not 0 <= fold < of:
                raise DataError(f"there is no fold {fold} of {of}: they are counted 0 to {of - 1}")
        ordered = sorted(self.records, key=_id_order)
        kept = tuple(record for index, record in enumerate(ordered) if index % of in folds)
        return replace(self, records=kept)

    def select_categories(self, categories: Sequence[str] | Mapping[str, Sequence[str]]) -> Dataset:
        """The objects of some classes, numbered anew in the order in which they are given.

        Args:
            categories: names of thing classes; or new names, and for each the names of the classes
                that become it: none for a class that this dataset does not have.

        Raises:
            DataError: there is no such class, one is named twice, or there are panoptic segments,
                where leaving out a class would leave holes.
        """
        groups = (
            {name: list(names) for name, names in categories.items()}
            if isinstance(categories, Mapping)
            else {name: [name] for name in categories}
        )
        if any(record.segments for record in self.records):
            raise DataError(f"dataset '{self.name}' is panoptic: it is used with all its classes")
        new_of_old = self._numbers(groups)
        sizes = Counter(new_of_old.values())
        records = tuple(_with_categories(record, new_of_old, sizes) for record in self.records)
        metadata = _metadata_of(self.metadata, tuple(groups), new_of_old)
        return replace(self, records=records, metadata=metadata)

    def _numbers(self, groups: Mapping[str, Sequence[str]]) -> dict[int, int]:
        classes, labels = self.metadata.thing_classes, self.metadata.thing_labels
        counts = Counter(classes)
        known = {name: at for at, name in enumerate(classes) if counts[name] == 1}
        known |= {label: at for at, label in enumerate(labels)}
        numbers: dict[int, int] = {}
        for new, names in enumerate(groups.values()):
            for name in names:
                if name not in known:
                    if of_name := [labels[at] for at, one in enumerate(classes) if one == name]:
                        message = f"dataset '{self.name}' has {len(of_name)} classes '{name}'"
                        raise DataError(f"{message}: write {' or '.join(map(repr, of_name))}")
                    hint = did_you_mean(name, known, "classes")
                    raise DataError(f"dataset '{self.name}' has no class '{name}'. {hint}")
                if known[name] in numbers:
                    raise DataError(f"class '{name}' of dataset '{self.name}' is named twice")
                numbers[known[name]] = new
        return numbers


def concatenate_datasets(datasets: Iterable[Dataset], name: str = "") -> Dataset:
    """One dataset with the images of several, which have the same classes.

    What only some of them tell of keypoints holds for all. Where their own ids of classes differ,
    the whole has others: things count from 1, and stuff goes on from there.

    Args:
        datasets: one or more.
        name: of the whole; by default the names joined by `+`.

    Raises:
        DataError: there is none; or classes, keypoints, their pairs or the label of pixels that do
            not count differ.
    """
    found = list(datasets)
    if not found:
        raise DataError("there is no dataset to be joined")
    for what in _SHARED:
        # Objects of a dataset without keypoints are objects whose keypoints are not labelled.
        bound = [d for d in found if what not in _OF_KEYPOINTS or getattr(d.metadata, what)]
        for other in bound[1:]:
            if getattr(other.metadata, what) != getattr(bound[0].metadata, what):
                raise DataError(_describe_difference(bound[0], other, what))
    return Dataset(
        name=name or "+".join(dataset.name for dataset in found),
        records=tuple(record for dataset in found for record in dataset.records),
        metadata=_join_metadata([dataset.metadata for dataset in found]),
        faults=tuple(fault for dataset in found for fault in dataset.faults),
    )


def require_datasets(names: Iterable[str], datasets: Collection[str], source: str = "") -> None:
    """Checks that there are datasets of some names.

    Args:
        names: the names.
        datasets: names of all datasets.
        source: what has them, for messages.

    Raises:
        NameResolutionError: there is no dataset of a name.
    """
    for name in names:
        if name not in datasets:
            start = f"{source}: " if source else ""
            message, hint = describe_unresolved(name, [], datasets, "dataset")
            raise NameResolutionError(f"{start}{message}. {hint}")


def describe_untrainable(dataset: Dataset) -> str:
    """Why nothing of a dataset is a training target; empty where something is.

    Args:
        dataset: the dataset, before images without objects were left out.
    """
    if any(_has_target(record) for record in dataset):
        return ""
    if not dataset.num_annotations:
        return "nothing is annotated (`composer data check` on the data lists what was not read)"
    count = dataset.num_annotations
    kinds = {
        "marked as difficult" if annotation.is_difficult else "a crowd" if count == 1 else "crowds"
        for record in dataset
        for annotation in record.annotations
    }
    found = " or ".join(sorted(kinds))
    whole = f"the only object is {found}" if count == 1 else f"all {count} objects are {found}"
    return f"{whole}; crowds and difficult objects are no training targets"


def _describe_difference(first: Dataset, other: Dataset, what: str) -> str:
    ours, theirs = getattr(first.metadata, what), getattr(other.metadata, what)
    message = f"datasets '{first.name}' and '{other.name}' differ in their {what}"
    if what not in _NAMES:
        return message
    only_ours = [name for name in ours if name not in theirs]
    only_theirs = [name for name in theirs if name not in ours]
    for dataset, names in ((first, only_ours), (other, only_theirs)):
        if names:
            more = ", ..." if len(names) > 5 else ""
            message += f"; only '{dataset.name}' has {', '.join(names[:5])}{more}"
    if not only_ours and not only_theirs:
        message += ": they are the same in another order"
    return f"{message}. `categories:` selects and orders classes."


def _join_metadata(parts: Sequence[Metadata]) -> Metadata:
    """The first's, completed by the others', and with new ids where not all have the same."""
    known = {what: _find_any(parts, what) for what in _OF_KEYPOINTS + _IDS}
    flags: dict[str, Any] = {what: any(getattr(one, what) for one in parts) for what in _FLAGS}
    whole = replace(parts[0], **known, **flags)
    if all(getattr(one, what) in ((), getattr(whole, what)) for one in parts for what in _IDS):
        return whole
    num_things, num_stuff = len(whole.thing_classes), len(whole.stuff_classes)
    numbers = tuple(range(1, num_things + num_stuff + 1))
    return replace(whole, thing_ids=numbers[:num_things], stuff_ids=numbers[num_things:])


def _find_any(parts: Sequence[Metadata], what: str) -> Any:
    return next(filter(None, (getattr(one, what) for one in parts)), ())


def _is_annotated(record: Record) -> bool:
    has_object = any(not annotation.is_crowd for annotation in record.annotations)
    return has_object or bool(record.segments) or record.sem_seg_file is not None


def _has_target(record: Record) -> bool:
    is_object = any(not (one.is_crowd or one.is_difficult) for one in record.annotations)
    return is_object or bool(record.segments) or record.sem_seg_file is not None


def _count_keypoints(record: Record) -> int:
    return sum(
        sum(visibility > 0 for visibility in annotation.keypoints[2::3])
        for annotation in record.annotations
        if annotation.keypoints is not None and not annotation.is_crowd
    )


def _id_order(record: Record) -> tuple[bool, int, str]:
    """Numbers by value, before texts."""
    image_id = record.image_id
    if isinstance(image_id, int):
        return False, image_id, ""
    return True, 0, image_id


def _with_categories(
    record: Record, new_of_old: Mapping[int, int], sizes: Mapping[int, int]
) -> Record:
    """The record with other classes, each of which takes the place of so many (`sizes`)."""
    annotations = tuple(
        _renumbered(annotation, new_of_old[annotation.category])
        for annotation in record.annotations
        if annotation.category in new_of_old
    )
    extra = dict(record.extra)
    for key in (_ABSENT, _NOT_EXHAUSTIVE):
        if key in extra:
            found = Counter(new_of_old[old] for old in set(extra[key]) if old in new_of_old)
            if key == _ABSENT:  # a class is not there if none is of those that became it
                found = Counter({new: n for new, n in found.items() if n == sizes[new]})
            extra[key] = tuple(sorted(found))
    return replace(record, annotations=annotations, extra=extra)


def _renumbered(annotation: Annotation, category: int) -> Annotation:
    return annotation if annotation.category == category else replace(annotation, category=category)


def _metadata_of(old: Metadata, names: tuple[str, ...], numbers: Mapping[int, int]) -> Metadata:
    """The metadata of new classes; each has what the first class that becomes it had.

    A class that none becomes has an id of its own, and is in no image.
    """
    firsts: dict[int, int] = {}
    for index, new in numbers.items():
        firsts.setdefault(new, index)
    free_ids = itertools.count(max(old.thing_ids, default=0) + 1)

    def pick(entries: tuple[_Entry, ...], others: Iterator[_Entry]) -> tuple[_Entry, ...]:
        chosen = (firsts.get(new) for new in range(len(names)))
        return (
            tuple(next(others) if at is None else entries[at] for at in chosen) if entries else ()
        )

    return replace(
        old,
        thing_classes=names,
        thing_ids=pick(old.thing_ids, free_ids),
        thing_colors=pick(old.thing_colors, itertools.repeat(_GREY)),
        sem_seg_of_things=pick(old.sem_seg_of_things, itertools.repeat(old.ignore_label)),
        image_counts=pick(old.image_counts, itertools.repeat(0)),
        frequencies=pick(old.frequencies, itertools.repeat("r")),
    )
