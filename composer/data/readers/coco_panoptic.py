"""COCO's panoptic format: a label image of segment ids for each image, and a JSON file of segments.

Things and stuff are numbered apart, each from 0 in the order of the categories' ids.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.json_file import read_json
from composer.data.json_values import (
    as_id,
    as_integer,
    describe_missing_id,
    show_value,
    to_flag,
)
from composer.data.label_images import cut_object, read_segment_ids
from composer.data.metadata import Color, Metadata
from composer.data.readers.annotation_forms import to_area
from composer.data.readers.coco_document import (
    AnnotationReader,
    Category,
    Entry,
    read_categories,
    read_images,
    to_category,
    unreadable_ids,
)
from composer.data.readers.image_files import ImageFiles
from composer.data.records import Annotation, ImageId, Record, Segment
from composer.errors import DataError

THINGS = "things"  # the class that all things have in semantic segmentation
_MAX_SEGMENT_ID = 256**3 - 1  # of three colour channels; 0 is no segment


def coco_panoptic(
    *,
    annotations: Path,
    images: Path,
    panoptic: Path,
    instances: Path | None = None,
    masks: bool = True,
    things_as_one: bool = True,
) -> Dataset:
    """Reads panoptic segments, and the objects among them.

    Args:
        annotations: the JSON file of segments.
        images: the folder that images' file names are relative to.
        panoptic: the folder of the label images.
        instances: JSON file with the same objects in the format of instances; without, the objects
            are the segments of things.
        masks: without `instances`, whether objects get their masks from the label images, each of
            which is opened once for that.
        things_as_one: whether semantic segmentation has one class 0 for all things, as in
            Panoptic FPN, and then those of stuff; else it has all categories in the order of ids.

    Raises:
        DataError: a file or folder cannot be read.
    """
    log = FaultLog()
    document = read_json(annotations, ("images", "annotations", "categories"), log)
    files, labels = ImageFiles(images), ImageFiles(panoptic)
    categories = _read_categories(document["categories"], annotations, log)
    metadata = _to_metadata(categories.known, things_as_one)
    found = read_images(document["images"], files, log)
    left_out = frozenset(unreadable_ids(document["images"], found))
    numbers = _number(categories.known, metadata, things_as_one)
    reader = _SegmentReader(numbers, labels, log, left_out, categories.left_out)
    bare = {image_id: record for image_id, (record, _) in found.items()}
    records = reader.read(document["annotations"], bare)
    if instances is not None:
        by_image = _read_instances(instances, records, metadata, log)
    else:
        records, by_image = _cut_all(records, log) if masks else (records, {})
    whole = tuple(
        replace(record, annotations=tuple(by_image.get(image_id, ())))
        for image_id, record in records.items()
    )
    return Dataset(annotations.stem, whole, metadata, tuple(log.faults))


class _Categories(NamedTuple):
    """The categories that say whether they are things, and the ids of those that do not."""

    known: list[Category]
    left_out: frozenset[int]


def _read_categories(entries: Sequence[Any], file: Path, log: FaultLog) -> _Categories:
    """The categories of a document.

    Raises:
        DataError: none says whether it is a thing.
    """
    known, left_out = [], set[int]()
    for category in read_categories(entries, log):
        try:
            if to_flag(category.entry, "isthing", None) is None:
                raise BadPart("malformed", "'isthing' is missing: 1 for things, 0 for stuff")
            known.append(category)
        except BadPart as bad:
            message = f"category {category.own_id} '{category.name}': {bad.message}"
            log.add(bad.kind, f"{message}. It is left out, with its segments")
            left_out.add(category.own_id)
    if left_out and not known:
        raise DataError(
            f"{file}: no category says with 'isthing' whether it is a thing (1) or stuff (0)"
        )
    return _Categories(known, frozenset(left_out))


def _is_thing(category: Category) -> bool:
    return bool(category.entry["isthing"])


def _to_metadata(categories: Sequence[Category], things_as_one: bool) -> Metadata:
    things = [category for category in categories if _is_thing(category)]
    stuff = [category for category in categories if not _is_thing(category)]
    in_sem_seg = stuff if things_as_one else list(categories)
    first_names, first_ids = ((THINGS,), (0,)) if things_as_one else ((), ())
    sem_seg_of_things = [0 if things_as_one else in_sem_seg.index(thing) for thing in things]
    stuff_colors = _to_colors(in_sem_seg)
    if stuff_colors and things_as_one:
        stuff_colors = ((128, 128, 128), *stuff_colors)
    return Metadata(
        thing_classes=tuple(category.name for category in things),
        stuff_classes=(*first_names, *(category.name for category in in_sem_seg)),
        thing_ids=tuple(category.own_id for category in things),
        stuff_ids=(*first_ids, *(category.own_id for category in in_sem_seg)),
        sem_seg_of_things=tuple(sem_seg_of_things),
        thing_colors=_to_colors(things),
        stuff_colors=stuff_colors,
        has_masks=bool(things),
    )


def _to_colors(categories: Sequence[Category]) -> tuple[Color, ...]:
    """The categories' colours; none unless all have one."""
    colors: list[Color] = []
    for category in categories:
        color = category.entry.get("color")
        shades = [as_integer(shade) for shade in color] if isinstance(color, list) else []
        whole = [shade for shade in shades if shade is not None and 0 <= shade <= 255]
        if len(shades) != 3 or len(whole) != 3:
            return ()
        colors.append((whole[0], whole[1], whole[2]))
    return tuple(colors)


def _number(
    categories: Sequence[Category], metadata: Metadata, things_as_one: bool
) -> dict[int, tuple[int, bool]]:
    """Contiguous index by category id, and whether it counts things."""
    things = {own_id: (index, True) for index, own_id in enumerate(metadata.thing_ids)}
    offset = 1 if things_as_one else 0  # an id 0 of the file is not that of `things`
    stuff = {
        own_id: (index + offset, False) for index, own_id in enumerate(metadata.stuff_ids[offset:])
    }
    return {
        category.own_id: (things if _is_thing(category) else stuff)[category.own_id]
        for category in categories
    }


@dataclass
class _SegmentReader:
    """Adds segments to records; images without a usable annotation are left out."""

    numbers: Mapping[int, tuple[int, bool]]
    label_images: ImageFiles
    log: FaultLog
    left_out: frozenset[ImageId]
    unknown: frozenset[int]  # ids of categories that were left out, and told

    def read(
        self, entries: Sequence[Any], records: Mapping[ImageId, Record]
    ) -> dict[ImageId, Record]:
        found: dict[ImageId, Record] = {}
        for at, entry in enumerate(entries):
            if not isinstance(entry, Mapping) or not isinstance(entry.get("file_name"), str):
                message = f"an annotation needs a 'file_name': {show_value(entry)}"
                self.log.add("malformed", message, entry=f"annotations[{at}]")
                continue
            given, name = entry.get("image_id"), entry["file_name"]
            image_id = as_id(given)
            if image_id is None:
                message = f"'image_id' is a whole number or a text, not {show_value(given)}"
                self.log.add("malformed", message, name)
            elif image_id in self.left_out:
                continue
            elif image_id not in records:
                hint = describe_missing_id(image_id, records)
                message = f"there is no image {show_value(image_id)}. {hint}".removesuffix(". ")
                self.log.add("unknown_image", message, name)
            elif image_id in found:
                self.log.add("duplicate_id", "the image has another annotation", name)
            elif not self.label_images.has(name):
                self.log.add("missing_file", self.label_images.explain(name), name)
            else:
                found[image_id] = replace(
                    records[image_id],
                    panoptic_file=self.label_images.path(name),
                    segments=tuple(self._segments(entry, name)),
                )
        return found

    def _segments(self, entry: Entry, name: str) -> Iterator[Segment]:
        seen: set[int] = set()
        infos = entry.get("segments_info") or ()
        if not isinstance(infos, Sequence) or isinstance(infos, str):
            message = f"'segments_info' is a list, not {show_value(infos)}"
            self.log.add("malformed", message, name)
            return
        for at, info in enumerate(infos):
            segment_id = _read_segment_id(info)
            if segment_id is None:
                message = f"a segment needs an 'id' from 1 to {_MAX_SEGMENT_ID}: {show_value(info)}"
                self.log.add("malformed", message, name, entry=f"segments_info[{at}]")
            elif segment_id in seen:
                self.log.add("duplicate_id", "another segment has this id", name, segment_id)
            elif as_integer(info.get("category_id")) not in self.unknown:
                try:
                    segment = self._read_segment(info, segment_id, name)
                except BadPart as bad:
                    self.log.add(bad.kind, bad.message, name, segment_id)
                    continue
                seen.add(segment_id)
                yield segment

    def _read_segment(self, info: Entry, segment_id: int, name: str) -> Segment:
        index, is_thing = self.numbers[to_category(info, self.numbers)]
        is_crowd = to_flag(info, "iscrowd", False)
        area = None
        if info.get("area") is not None:
            try:
                area = int(to_area(info["area"], None, None))
            except BadPart as bad:
                self.log.add(bad.kind, bad.message, name, segment_id)
        return Segment(segment_id, index, is_thing, is_crowd, area)


def _read_segment_id(info: object) -> int | None:
    segment_id = as_integer(info.get("id")) if isinstance(info, Mapping) else None
    return segment_id if segment_id is not None and 0 < segment_id <= _MAX_SEGMENT_ID else None


def _read_instances(
    file: Path, records: Mapping[ImageId, Record], metadata: Metadata, log: FaultLog
) -> dict[ImageId, list[Annotation]]:
    document = read_json(file, ("images", "annotations"), log)
    reader = AnnotationReader(
        indices={own_id: index for index, own_id in enumerate(metadata.thing_ids)},
        num_keypoints=0,
        log=log,
        left_out=frozenset(unreadable_ids(document["images"], records)),
    )
    return reader.by_image(document["annotations"], records)


def _cut_all(
    records: Mapping[ImageId, Record], log: FaultLog
) -> tuple[dict[ImageId, Record], dict[ImageId, list[Annotation]]]:
    """The records whose label images can be read, and the objects of each."""
    by_image: dict[ImageId, list[Annotation]] = {}
    for image_id, record in records.items():
        try:
            by_image[image_id] = list(_cut_things(record, log))
        except BadPart as bad:
            log.add(bad.kind, bad.message, record.file_name.name)
    return {image_id: records[image_id] for image_id in by_image}, by_image


def _cut_things(record: Record, log: FaultLog) -> Iterator[Annotation]:
    """The objects of an image, from its label image.

    Raises:
        BadPart: that label image cannot be read.
    """
    name = record.file_name.name
    things = [segment for segment in record.segments if segment.is_thing]
    if not things or record.panoptic_file is None:
        return
    ids = read_segment_ids(record.panoptic_file)
    for segment in things:
        found = cut_object(ids == segment.segment_id, segment.category, segment.is_crowd)
        if found is None:
            log.add("unknown_segment", "no pixel has this id", name, segment.segment_id)
        else:
            yield found
