"""Pascal VOC (Everingham et al., IJCV 2010): an XML file an image."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.metadata import Metadata
from composer.data.readers.annotation_forms import describe_outside
from composer.data.readers.image_files import ImageFiles
from composer.data.records import Annotation, Box, Record
from composer.data.xml_file import parse_xml
from composer.errors import DataError
from composer.text_files import TextEncodingError, read_text_file

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip


def pascal_voc(
    *,
    folder: Path,
    split: str = "trainval",
    classes: tuple[str, ...] = CLASSES,
    semantic: bool = False,
) -> Dataset:
    """Reads objects with boxes, and semantic classes where they are asked for.

    Args:
        folder: of one year, with `Annotations`, `ImageSets` and `JPEGImages` in it.
        split: name of a list in `ImageSets/Main`, or with `semantic` in `ImageSets/Segmentation`.
        classes: names of the classes in order.
        semantic: whether images come with the classes of their pixels, 0 being the background.

    Raises:
        DataError: a folder or a list of images is missing.
    """
    listing = folder / "ImageSets" / ("Segmentation" if semantic else "Main") / f"{split}.txt"
    images = ImageFiles(folder / "JPEGImages")
    names = _read_names(listing, images)
    log = FaultLog()
    labels = ImageFiles(folder / "SegmentationClass") if semantic else None
    reader = _Reader(folder / "Annotations", classes, images, labels, log)
    records = tuple(record for name in names for record in reader.read(name))
    own_ids = tuple(range(1, len(classes) + 1))
    metadata = Metadata(
        thing_classes=classes,
        thing_ids=own_ids,
        stuff_classes=("background", *classes) if semantic else (),
        stuff_ids=(0, *own_ids) if semantic else (),
        sem_seg_of_things=own_ids if semantic else (),
    )
    return Dataset(f"{folder.name}_{split}", records, metadata, tuple(log.faults))


@dataclass
class _Reader:
    annotations: Path
    classes: Sequence[str]
    images: ImageFiles
    labels: ImageFiles | None
    log: FaultLog

    def read(self, name: str) -> Iterator[Record]:
        """The record of an image; none if it cannot be used."""
        files = [(self.images, f"{name}.jpg")]
        if self.labels is not None:
            files.append((self.labels, f"{name}.png"))
        for folder, file in files:
            if not folder.has(file):
                self.log.add("missing_file", folder.explain(file), file)
                return
        try:
            root = parse_xml(self.annotations / f"{name}.xml")
        except BadPart as bad:
            self.log.add(bad.kind, bad.message, f"{name}.jpg")
            return
        height, width = _to_length(root, "height"), _to_length(root, "width")
        yield Record(
            self.images.path(f"{name}.jpg"),
            name,
            height,
            width,
            annotations=tuple(self._objects(root, f"{name}.jpg", height, width)),
            sem_seg_file=None if self.labels is None else self.labels.path(f"{name}.png"),
        )

    def _objects(
        self, root: ET.Element, file: str, height: int | None, width: int | None
    ) -> Iterator[Annotation]:
        for entry in root.iter("object"):
            name = entry.findtext("name", "").strip()
            try:
                box = _to_box(entry)
                if name not in self.classes:
                    raise BadPart("unknown_category", f"there is no class '{name}'")
            except BadPart as bad:
                self.log.add(bad.kind, bad.message, file)
                continue
            if outside := describe_outside(box, height, width):
                self.log.add("box_outside", outside, file)
            is_difficult = entry.findtext("difficult", "0").strip() == "1"
            yield Annotation(box, self.classes.index(name), is_difficult=is_difficult)


def _read_names(listing: Path, images: ImageFiles) -> list[str]:
    """The names in a list, which may have spaces; lists of one class have 1, 0 or -1 behind them.

    Raises:
        DataError: the list cannot be read.
    """
    try:
        lines = [line.strip() for line in read_text_file(listing).splitlines()]
    except (OSError, TextEncodingError) as error:
        raise DataError(f"{listing}: the list of images cannot be read: {error}") from None
    names = []
    for line in filter(None, lines):
        name, _, last = line.rpartition(" ")
        is_marked = last in ("1", "0", "-1") and not images.has(f"{line}.jpg")
        names.append(name.strip() if is_marked and name else line)
    return names


def _to_length(root: ET.Element, name: str) -> int | None:
    text = root.findtext(f"size/{name}", "").strip()
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _to_box(entry: ET.Element) -> Box:
    """The corners. VOC counts pixels from 1, and its last ones belong to the box."""
    try:
        x0, y0, x1, y1 = (
            float(entry.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")
        )
    except ValueError:
        raise BadPart("malformed", "'bndbox' has four numbers xmin, ymin, xmax, ymax") from None
    if not (x1 > x0 - 1 and y1 > y0 - 1):
        message = f"the box is {x1 - x0 + 1:g} x {y1 - y0 + 1:g} pixels"
        raise BadPart("box_degenerate", message)
    return x0 - 1, y0 - 1, x1, y1
