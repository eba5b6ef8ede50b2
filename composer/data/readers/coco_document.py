"""JSON documents in COCO's format, shared by the readers of COCO, LVIS and panoptic data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from composer.data.faults import BadPart, FaultKind, FaultLog
from composer.data.readers.annotation_forms import (
    describe_outside,
    is_wholly_outside,
    to_box,
    to_keypoints,
    to_segmentation,
)
from composer.data.readers.image_files import ImageFiles
from composer.data.records import Annotation, ImageId, Record

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

    A category without a name is called by its id; of two with one id the first counts.
    """
    found: dict[int, Category] = {}
    for entry in entries:
        own_id = entry.get("id") if isinstance(entry, Mapping) else None
        if not isinstance(own_id, int):
            log.add("malformed", f"a category has no id that is a number: {entry!r:.80}")
            continue
        if own_id in found:
            log.add("duplicate_id", f"two categories have the id {own_id}")
            continue
        name = entry.get("name")
        if not isinstance(name, str) or not name.strip():
            name = f"category {own_id}"
            log.add("unnamed_category", f"category {own_id} has no name; it is called '{name}'")
        found[own_id] = Category(own_id, name, entry)
    return [found[own_id] for own_id in sorted(found)]


def read_images(
    entries: Sequence[Any], files: ImageFiles, log: FaultLog
) -> dict[ImageId, tuple[Record, Entry]]:
    """The images by id, without annotations, each with its entry; missing files are left out."""
    found: dict[ImageId, tuple[Record, Entry]] = {}
    for entry in entries:
        image_id = entry.get("id") if isinstance(entry, Mapping) else None
        name = _find_name(entry, files) if isinstance(entry, Mapping) else None
        if not isinstance(image_id, (int, str)) or name is None:
            log.add("malformed", f"an image needs 'id' and 'file_name': {entry!r:.80}")
        elif image_id in found:
            log.add("duplicate_id", f"another image has the id {image_id}, too", name)
        elif not files.has(name):
            log.add("missing_file", files.explain(name), name)
        else:
            height, width = _to_length(entry.get("height")), _to_length(entry.get("width"))
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


def _to_length(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def have_masks(entries: Sequence[Any]) -> bool:
    """Whether any annotation of a document has a mask."""
    return any(isinstance(entry, Mapping) and entry.get("segmentation") for entry in entries)


@dataclass
class AnnotationReader:
    """Adds the annotations of a document to records.

    Args:
        indices: contiguous index by the document's category id.
        num_keypoints: how many keypoints the document's categories have; 0 for none.
        log: takes the faults.
        left_out: ids of images that the document has, but that are left out; their annotations
            are no fault.
    """

    indices: Mapping[int, int]
    num_keypoints: int
    log: FaultLog
    left_out: frozenset[ImageId] = frozenset()
    _ids: set[object] = field(default_factory=set)

    def by_image(
        self, entries: Sequence[Any], records: Mapping[ImageId, Record]
    ) -> dict[ImageId, list[Annotation]]:
        """The annotations by image id; what cannot be used is left out."""
        has_masks = have_masks(entries)
        found: dict[ImageId, list[Annotation]] = {}
        for entry in entries:
            if not isinstance(entry, Mapping):
                self.log.add("malformed", f"an annotation is a mapping, not {entry!r:.80}")
                continue
            image_id = entry.get("image_id")
            if not isinstance(image_id, (int, str)):
                message = f"an 'image_id' is a number or a text, not {image_id!r:.80}"
                self._note(entry, "malformed", message, None)
                continue
            if image_id in self.left_out:
                continue
            record = records.get(image_id)
            if record is None:
                self._note(entry, "unknown_image", f"there is no image {image_id!r}", None)
                continue
            annotation = self._read(entry, record, has_masks)
            if annotation is not None:
                found.setdefault(record.image_id, []).append(annotation)
        return found

    def _read(self, entry: Entry, record: Record, has_masks: bool) -> Annotation | None:
        try:
            return self._to_annotation(entry, record, has_masks)
        except BadPart as bad:
            self._note(entry, bad.kind, bad.message, record)
            return None

    def _to_annotation(self, entry: Entry, record: Record, has_masks: bool) -> Annotation:
        category = entry.get("category_id")
        if not isinstance(category, int) or category not in self.indices:
            raise BadPart("unknown_category", f"there is no category {category!r}")
        height, width = record.height, record.width
        box = to_box(entry.get("bbox"))
        if is_wholly_outside(box, height, width):
            raise BadPart("box_outside", describe_outside(box, height, width) or "it is outside")
        if outside := describe_outside(box, height, width):
            self._note(entry, "box_outside", outside, record)
        masked = entry.get("segmentation")
        segmentation = None
        if masked is not None and masked != []:
            segmentation = to_segmentation(masked, height, width)
        elif has_masks:
            message = "it has no mask, though others have; its box stays"
            self._note(entry, "no_mask", message, record)
        area = entry.get("area")
        return Annotation(
            box=box,
            category=self.indices[category],
            segmentation=segmentation,
            keypoints=self._to_keypoints(entry),
            is_crowd=bool(entry.get("iscrowd", 0)),
            area=float(area) if isinstance(area, (int, float)) else None,
            annotation_id=self._to_id(entry, record),
        )

    def _to_keypoints(self, entry: Entry) -> Sequence[float] | None:
        keypoints = entry.get("keypoints")
        if keypoints is None or not self.num_keypoints:
            return None
        return to_keypoints(keypoints, self.num_keypoints)

    def _to_id(self, entry: Entry, record: Record) -> int | str | None:
        own_id = entry.get("id")
        if not isinstance(own_id, (int, str)):
            return None
        if own_id in self._ids:
            message = "another annotation has this id; this one goes without"
            self._note(entry, "duplicate_id", message, record)
            return None
        self._ids.add(own_id)
        return own_id

    def _note(self, entry: Entry, kind: FaultKind, message: str, record: Record | None) -> None:
        name = None if record is None else record.file_name.name
        own_id = entry.get("id")
        self.log.add(kind, message, name, own_id if isinstance(own_id, (int, str)) else None)


def read_records(
    document: Mapping[str, Any],
    files: ImageFiles,
    categories: Sequence[Category],
    log: FaultLog,
    num_keypoints: int = 0,
) -> list[tuple[Record, Entry]]:
    """The images of a document with their objects, each with the image's entry.

    Args:
        document: has `images` and `annotations`.
        files: the image files.
        categories: the classes, in the order of their contiguous indices.
        log: gets what is left out.
        num_keypoints: how many keypoints an object has.
    """
    found = read_images(document["images"], files, log)
    reader = AnnotationReader(
        indices={category.own_id: index for index, category in enumerate(categories)},
        num_keypoints=num_keypoints,
        log=log,
        left_out=frozenset(unreadable_ids(document["images"], found)),
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
        image_id = entry.get("id") if isinstance(entry, Mapping) else None
        if isinstance(image_id, (int, str)) and image_id not in found:
            yield image_id
