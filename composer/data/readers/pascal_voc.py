"""Pascal VOC (Everingham et al., IJCV 2010): an XML file an image."""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.readers.image_files import ImageFiles
from composer.data.readers.image_finder import ImageFinder
from composer.data.readers.record_builder import DatasetBuilder, FoundImage
from composer.data.readers.voc_layout import VocLayout, find_layout
from composer.data.records import Box
from composer.data.xml_file import parse_xml
from composer.documents import Name

_LONGEST = 10  # digits of a number
CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip


_FLAGS = {"": False, "0": False, "false": False, "1": True, "true": True}


def pascal_voc(
    *,
    folder: Path,
    split: str | None = None,
    classes: tuple[Name, ...] | None = None,
    semantic: bool = False,
    annotations: Path | None = None,
    images: Path | None = None,
) -> Dataset:
    """Reads objects with boxes, and semantic classes where they are asked for.

    The image of an XML file is the one that its `<filename>` names, with any ending, else the one
    that is called like the XML file.

    Args:
        folder: of one year, with `Annotations`, `ImageSets` and `JPEGImages` in it; or any folder
            with such XML files and images.
        split: name of a list in `ImageSets/Main`, or with `semantic` in `ImageSets/Segmentation`;
            without lists, a folder of this name. By default `trainval`, or all XML files if there
            is no such list.
        classes: names of the classes in order. By default VOC's twenty if there are lists of
            images and no other class, else all that occur, sorted.
        semantic: whether images come with the classes of their pixels, 0 being the background.
        annotations: the folder of the XML files, where it is not `Annotations`.
        images: the folder of the images, where it is not `JPEGImages`.

    Raises:
        DataError: a folder or a list of images is missing.
    """
    layout = find_layout(folder, annotations, images, semantic)
    names = layout.list_names(split)
    log = FaultLog()
    for name, count in Counter(names).items():
        if count > 1:
            log.add("duplicate_id", f"the list has it {count} times; it is read once", name)
    reader = _Reader(layout, ImageFiles(folder / "SegmentationClass") if semantic else None, log)
    found = [one for name in dict.fromkeys(names) if (one := reader.read(name)) is not None]
    chosen = classes if classes is not None else _choose_classes(layout)
    builder = DatasetBuilder(chosen)
    builder.log.faults += log.faults
    for one in found:
        image = builder.add_image(one.image, one.name, one.length("height"), one.length("width"))
        _add_objects(one.root, image)
    title = "_".join(filter(None, [folder.name, layout.default_split(split)]))
    dataset = builder.build(title)
    return _with_labels(dataset, found) if semantic else dataset


@dataclass(frozen=True)
class _Annotated:
    """An image and its XML document."""

    name: str
    image: Path
    root: ET.Element
    labels: Path | None

    def length(self, side: str) -> int | None:
        """The image's height or width; None if the document does not say."""
        text = self.root.findtext(f"size/{side}", "").strip()
        is_number = text.isdecimal() and len(text) < _LONGEST
        return int(text) if is_number and int(text) > 0 else None


@dataclass
class _Reader:
    layout: VocLayout
    labels: ImageFiles | None
    log: FaultLog
    _finders: dict[Path, ImageFinder] = field(default_factory=dict)

    def read(self, name: str) -> _Annotated | None:
        """The document and the image of a name; None if it cannot be used, which is reported."""
        file = self.layout.find_annotations(name)
        try:
            root = parse_xml(file)
            image = self._find_image(root, file)
        except BadPart as bad:
            self.log.add(bad.kind, bad.message, file.name)
            return None
        labels = None
        if self.labels is not None:
            if not self.labels.has(f"{name}.png"):
                self.log.add("missing_file", self.labels.explain(f"{name}.png"), f"{name}.png")
                return None
            labels = self.labels.path(f"{name}.png")
        return _Annotated(name, image, root, labels)

    def _find_image(self, root: ET.Element, file: Path) -> Path:
        finder = self._finders.get(file.parent)
        if finder is None:
            finder = ImageFinder(*self.layout.image_folders(file))
            self._finders[file.parent] = finder
        written = root.findtext("filename", "").strip()
        return finder.find_first(written, file.stem)


def _choose_classes(layout: VocLayout) -> Sequence[str]:
    """VOC's own classes, or those of all documents, so that all splits have the same."""
    occurring: set[str] = set()
    for file in layout.annotation_files():
        try:
            occurring |= {e.findtext("name", "").strip() for e in parse_xml(file).iter("object")}
        except BadPart:
            continue
    occurring.discard("")
    return CLASSES if layout.lists and occurring <= set(CLASSES) else sorted(occurring)


def _add_objects(root: ET.Element, image: FoundImage) -> None:
    for number, entry in enumerate(root.iter("object"), start=1):
        place, name = f"object {number}", entry.findtext("name", "").strip()
        try:
            if not name:
                raise BadPart("unknown_category", "it has no name")
            box = _to_box(entry)
        except BadPart as bad:
            image.note(bad.kind, bad.message, place)
            continue
        is_difficult = _is_difficult(entry, image, place)
        image.add(name, box, is_difficult=is_difficult, place=place)


def _is_difficult(entry: ET.Element, image: FoundImage, place: str) -> bool:
    given = entry.findtext("difficult", "").strip()
    value = _FLAGS.get(given.lower())
    if value is None:
        image.note("malformed", f"'difficult' is 0 or 1, not '{given:.40}'; it counts as 0", place)
    return bool(value)


def _with_labels(dataset: Dataset, found: Sequence[_Annotated]) -> Dataset:
    """The dataset with the label images of its records, and with the background as a class."""
    labels = {one.name: one.labels for one in found}
    own_ids = dataset.metadata.thing_ids
    metadata = replace(
        dataset.metadata,
        stuff_classes=("background", *dataset.metadata.thing_classes),
        stuff_ids=(0, *own_ids),
        sem_seg_of_things=own_ids,
    )
    records = tuple(
        replace(record, sem_seg_file=labels[str(record.image_id)]) for record in dataset
    )
    return replace(dataset, records=records, metadata=metadata)


def _to_box(entry: ET.Element) -> Box:
    """The corners. VOC counts pixels from 1, and its last ones belong to the box."""
    if entry.find("robndbox") is not None:
        raise BadPart("malformed", "'robndbox' is a rotated box, which this format does not have")
    try:
        x0, y0, x1, y1 = (
            float(entry.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")
        )
    except ValueError:
        raise BadPart("malformed", "'bndbox' has four numbers xmin, ymin, xmax, ymax") from None
    return x0 - 1, y0 - 1, x1, y1
