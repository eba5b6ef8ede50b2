"""JSON documents in COCO's format, shared by the readers of COCO, LVIS and panoptic data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from composer.data.faults import BadPart, FaultKind, FaultLog
from composer.data.json_values import (
    as_id,
    as_integer,
    as_name,
    describe_missing_id,
    show_value,
    to_flag,
    to_id,
    to_integer,
)
from composer.data.readers.annotation_forms import (
    MAX_PIXELS,
    describe_outside,
    enclose,
    is_empty,
    is_wholly_outside,
    list_parts_outside,
    read_boxes,
    to_area,
    to_keypoints,
    to_segmentation,
)
from composer.data.readers.image_files import ImageFiles
from composer.data.records import Annotation, ImageId, Record
from composer.names import describe_shared_names
from composer.structures import BoxMode

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Category:
    """A category of a document.

    Args:
        own_id: the document's id.
        name: its name.
        entry: all that the document says of it.
    """

    own_id: int
    name: str
    entry: Entry


def read_categories(entries: Sequence[Any], log: FaultLog) -> list[Category]:
    """The categories in the order of their ids, which is that of the contiguous indices.

    A category without a name is called by its id; of two with one id the first counts. Two with
    one name stay two.
    """
    found: dict[int, Category] = {}
    for at, entry in enumerate(entries):
        place = f"categories[{at}]"
        given = entry.get("id") if isinstance(entry, Mapping) else None
        own_id = as_integer(given)
        if own_id is None:
            message = f"a category needs an 'id' that is a whole number: {show_value(entry)}"
            log.add("malformed", message, entry=place)
            continue
        if own_id in found:
            log.add("duplicate_id", f"two categories have the id {own_id}", entry=place)
            continue
        name = as_name(entry.get("name"))
        if name is None:
            name = f"category {own_id}"
            log.add("unnamed_category", f"category {own_id} has no name; it is called '{name}'")
        found[own_id] = Category(own_id, name, entry)
    ordered = [found[own_id] for own_id in sorted(found)]
    names, own_ids = [one.name for one in ordered], [one.own_id for one in ordered]
    for message in describe_shared_names(names, own_ids):
        log.add("duplicate_name", message)
    return ordered


def read_images(
    entries: Sequence[Any], files: ImageFiles, log: FaultLog
) -> dict[ImageId, tuple[Record, Entry]]:
    """The images by id, without annotations, each with its entry; missing files are left out."""
    found: dict[ImageId, tuple[Record, Entry]] = {}
    for at, entry in enumerate(entries):
        image_id = as_id(entry.get("id")) if isinstance(entry, Mapping) else None
        name = _find_name(entry, files) if isinstance(entry, Mapping) else None
        if image_id is None or name is None:
            message = (
                "an image needs an 'id', a whole number or a text, and a 'file_name': "
                f"{show_value(entry)}"
            )
            log.add("malformed", message, entry=f"images[{at}]")
        elif image_id in found:
            log.add("duplicate_id", f"another image has the id {image_id}, too", name)
        elif not files.has(name):
            log.add("missing_file", files.explain(name), name)
        else:
            height, width = _read_size(entry, name, log)
            record = Record(files.path(name), image_id, height, width)
            found[image_id] = (record, entry)
    return found


def _find_name(entry: Entry, files: ImageFiles) -> str | None:
    """An image's file name. LVIS has it as the end of a URL only, with the folder of the split."""
    name, url = entry.get("file_name"), entry.get("coco_url")
    if isinstance(name, str) and name:
        return name
    if not isinstance(url, str) or not url:
        return None
    folder_and_name = "/".join(url.split("/")[-2:])
    return folder_and_name if files.has(folder_and_name) else url.split("/")[-1]


def _read_size(entry: Entry, name: str, log: FaultLog) -> tuple[int | None, int | None]:
    """The height and width of an image; None where they are absent, or told to be none."""
    sides: list[int | None] = []
    for key in ("height", "width"):
        value = entry.get(key)
        try:
            sides.append(None if value is None else to_integer(value, key, lowest=1))
        except BadPart as bad:
            log.add(bad.kind, f"{bad.message}; that of the file counts", name)
            sides.append(None)
    height, width = sides
    if (height or 1) * (width or 1) >= MAX_PIXELS:
        message = f"no image is of {height} x {width} pixels (height x width); the file's count"
        log.add("malformed", message, name)
        return None, None
    return height, width


def have_masks(entries: Sequence[Any]) -> bool:
    """Whether any annotation of a document has a mask."""
    return any(
        isinstance(entry, Mapping) and not is_empty(entry.get("segmentation")) for entry in entries
    )


class _Given(NamedTuple):
    """An annotation of a document.

    Args:
        entry: what the document says of it.
        place: where it stands: `annotations[7]`.
        record: its image, once it is found.
    """

    entry: Entry
    place: str
    record: Record | None = None


@dataclass
class AnnotationReader:
    """Adds the annotations of a document to records.

    Args:
        indices: contiguous index by the document's category id.
        num_keypoints: how many keypoints the document's categories have; 0 for none.
        log: takes the faults.
        left_out: ids of images that the document has, but that are left out; their annotations
            are no fault.
        without_keypoints: ids of categories whose keypoints are not read.
    """

    indices: Mapping[int, int]
    num_keypoints: int
    log: FaultLog
    left_out: frozenset[ImageId] = frozenset()
    without_keypoints: frozenset[int] = frozenset()
    _ids: set[object] = field(default_factory=set)

    def by_image(
        self, entries: Sequence[Any], records: Mapping[ImageId, Record]
    ) -> dict[ImageId, list[Annotation]]:
        """The annotations by image id; what cannot be used is left out."""
        has_masks = have_masks(entries)
        found: dict[ImageId, list[Annotation]] = {}
        for at, entry in enumerate(entries):
            place = f"annotations[{at}]"
            if not isinstance(entry, Mapping):
                message = f"an annotation is a mapping, not {show_value(entry)}"
                self.log.add("malformed", message, entry=place)
                continue
            given = _Given(entry, place)
            record = self._find_record(given, records)
            if record is None:
                continue
            annotation = self._read(given._replace(record=record), record, has_masks)
            if annotation is not None:
                found.setdefault(record.image_id, []).append(annotation)
        return found

    def _find_record(self, given: _Given, records: Mapping[ImageId, Record]) -> Record | None:
        try:
            image_id = to_id(given.entry.get("image_id"), "image_id")
        except BadPart as bad:
            self._note(given, bad.kind, bad.message)
            return None
        if image_id in self.left_out:
            return None
        record = records.get(image_id)
        if record is None:
            hint = describe_missing_id(image_id, records)
            message = f"there is no image {show_value(image_id)}. {hint}".removesuffix(". ")
            self._note(given, "unknown_image", message)
        return record

    def _read(self, given: _Given, record: Record, has_masks: bool) -> Annotation | None:
        try:
            return self._to_annotation(given, record, has_masks)
        except BadPart as bad:
            self._note(given, bad.kind, bad.message)
            return None

    def _to_annotation(self, given: _Given, record: Record, has_masks: bool) -> Annotation:
        entry, size = given.entry, (record.height, record.width)
        category = to_category(entry, self.indices)
        segmentation = self._to_mask(given, size)
        if segmentation is not None and is_empty(entry.get("bbox")):
            entry = {**entry, "bbox": enclose(segmentation), "bbox_mode": BoxMode.XYXY_ABS}
        box, rotated_box = read_boxes(entry, *size)
        if is_wholly_outside(box, *size):
            raise BadPart("box_outside", describe_outside(box, *size) or "it is outside")
        is_crowd = to_flag(entry, "iscrowd", False)
        if has_masks and is_empty(entry.get("segmentation")):
            self._note(given, "no_mask", "it has no mask, though others have; its box stays")
        annotation = Annotation(
            box=box,
            category=self.indices[category],
            segmentation=segmentation,
            keypoints=self._to_keypoints(given, category),
            is_crowd=is_crowd,
            area=self._to_area(given, record),
            annotation_id=self._to_id(given),
            rotated_box=rotated_box,
        )
        for kind, message in list_parts_outside(annotation, *size):
            self._note(given, kind, message)
        return annotation

    def _to_mask(self, given: _Given, size: tuple[int | None, int | None]) -> Any:
        """The mask of an object; None without one, and of a bad one that has a box beside it."""
        if is_empty(masked := given.entry.get("segmentation")):
            return None
        try:
            return to_segmentation(masked, *size)
        except BadPart as bad:
            if is_empty(given.entry.get("bbox")):
                raise
            self._note(given, bad.kind, f"{bad.message}; the box stays")
            return None

    def _to_keypoints(self, given: _Given, category: int) -> Sequence[float] | None:
        keypoints = given.entry.get("keypoints")
        if not self.num_keypoints or category in self.without_keypoints:
            return None
        if keypoints is None or keypoints == []:
            return None
        try:
            found = to_keypoints(keypoints, self.num_keypoints)
        except BadPart as bad:
            self._note(given, bad.kind, f"{bad.message}; the box stays")
            return None
        counted, labelled = given.entry.get("num_keypoints"), sum(v > 0 for v in found[2::3])
        if counted is not None and as_integer(counted) != labelled:
            message = f"'num_keypoints' is {show_value(counted)}, but {labelled} are labelled"
            self._note(given, "bad_keypoints", f"{message}; the keypoints count")
        return found

    def _to_area(self, given: _Given, record: Record) -> float | None:
        area = given.entry.get("area")
        if area is None:
            return None
        try:
            return to_area(area, record.height, record.width)
        except BadPart as bad:
            self._note(given, bad.kind, bad.message)
            return None

    def _to_id(self, given: _Given) -> int | str | None:
        own_id = as_id(given.entry.get("id"))
        if own_id is None:
            return None
        if own_id in self._ids:
            message = "another annotation has this id; this one goes without"
            self._note(given, "duplicate_id", message)
            return None
        self._ids.add(own_id)
        return own_id

    def _note(self, given: _Given, kind: FaultKind, message: str) -> None:
        name = None if given.record is None else given.record.file_name.name
        own_id = as_id(given.entry.get("id"))
        self.log.add(kind, message, name, own_id, given.place if own_id is None else None)


def to_category(entry: Entry, known: Mapping[int, object]) -> int:
    """The id of the category of an annotation, a segment or a result.

    Raises:
        BadPart: there is no such category.
    """
    given = entry.get("category_id")
    category = as_integer(given)
    if category is None or category not in known:
        hint = describe_missing_id(given, known)
        message = f"there is no category {show_value(given)}. {hint}".removesuffix(". ")
        raise BadPart("unknown_category", message)
    return category


def read_records(
    document: Mapping[str, Any],
    files: ImageFiles,
    categories: Sequence[Category],
    log: FaultLog,
    num_keypoints: int = 0,
    without_keypoints: frozenset[int] = frozenset(),
) -> list[tuple[Record, Entry]]:
    """The images of a document with their objects, each with the image's entry.

    Args:
        document: has `images` and `annotations`.
        files: the image files.
        categories: the classes, in the order of their contiguous indices.
        log: gets what is left out.
        num_keypoints: how many keypoints an object has.
        without_keypoints: ids of categories whose keypoints are not read.
    """
    found = read_images(document["images"], files, log)
    reader = AnnotationReader(
        indices={category.own_id: index for index, category in enumerate(categories)},
        num_keypoints=num_keypoints,
        log=log,
        left_out=frozenset(unreadable_ids(document["images"], found)),
        without_keypoints=without_keypoints,
    )
    bare = {image_id: record for image_id, (record, _) in found.items()}
    by_image = reader.by_image(document["annotations"], bare)
    return [
        (replace(record, annotations=tuple(by_image.get(image_id, ()))), entry)
        for image_id, (record, entry) in found.items()
    ]


def unreadable_ids(entries: Sequence[Any], found: Mapping[ImageId, object]) -> Iterator[ImageId]:
    """The ids of images that a document has but that are left out."""
    for entry in entries:
        image_id = as_id(entry.get("id")) if isinstance(entry, Mapping) else None
        if image_id is not None and image_id not in found:
            yield image_id
