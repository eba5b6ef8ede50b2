"""Cityscapes (Cordts et al., CVPR 2016): fine annotations of streets, as label images."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from composer.data.cityscapes_classes import CLASSES, INSTANCE_IDS, PER_CLASS, THINGS
from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.label_images import cut_object, read_labels
from composer.data.metadata import Metadata
from composer.data.records import Annotation, Record
from composer.errors import DataError
from composer.images import walk_folder

_IMAGE, _FINE = "_leftImg8bit.png", "_gtFine_"


def cityscapes(
    *, folder: Path, split: str = "train", instances: bool = True, semantic: bool = False
) -> Dataset:
    """Reads objects with masks, and semantic classes where they are asked for.

    Args:
        folder: with `leftImg8bit` and `gtFine` in it.
        split: `train` or `val`.
        instances: whether to cut objects out of the label images `*_instanceIds.png`. Each is
            opened once. Groups that were annotated as one are crowds.
        semantic: whether images come with the classes of their pixels, from the label images
            `*_labelTrainIds.png`, which the data set's own scripts make.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    root = folder / "leftImg8bit" / split
    files = [
        file
        for file in walk_folder(root)
        if file.name.endswith(_IMAGE) and file.parent.parent == root
    ]
    if not files:
        raise DataError(f"{root}: there are no folders of images '*{_IMAGE}'")
    log = FaultLog()
    reader = _Reader(folder / "gtFine" / split, instances, semantic, log)
    records = tuple(record for file in files for record in reader.read(file))
    names = tuple(CLASSES)
    metadata = Metadata(
        thing_classes=THINGS,
        thing_ids=tuple(CLASSES[name] for name in THINGS),
        stuff_classes=names if semantic else (),
        stuff_ids=tuple(CLASSES.values()) if semantic else (),
        sem_seg_of_things=tuple(names.index(name) for name in THINGS) if semantic else (),
        has_masks=True,
    )
    return Dataset(f"cityscapes_{split}", records, metadata, tuple(log.faults))


@dataclass
class _Reader:
    annotations: Path
    instances: bool
    semantic: bool
    log: FaultLog

    def read(self, image: Path) -> Iterator[Record]:
        """The record of an image; None if its label images are missing."""
        stem = image.name.removesuffix(_IMAGE)
        start = self.annotations / image.parent.name / f"{stem}{_FINE}"
        labels = start.with_name(f"{start.name}labelTrainIds.png")
        if self.semantic and not labels.is_file():
            hint = "`csCreateTrainIdLabelImgs` of cityscapesScripts makes it"
            self.log.add("missing_file", f"there is no {labels.name}; {hint}", image.name)
            return
        annotations: tuple[Annotation, ...] = ()
        height = width = None
        instance_ids = start.with_name(f"{start.name}instanceIds.png")
        if self.instances:
            try:
                ids = read_labels(instance_ids)
            except BadPart as bad:
                self.log.add(bad.kind, bad.message, image.name)
                return
            height, width = ids.shape
            annotations = tuple(_cut_objects(ids))
        yield Record(
            image,
            stem,
            height,
            width,
            annotations,
            sem_seg_file=labels if self.semantic else None,
            extra={INSTANCE_IDS: instance_ids} if instance_ids.is_file() else {},
        )


def _cut_objects(ids: np.ndarray) -> Iterator[Annotation]:
    categories = {CLASSES[name]: index for index, name in enumerate(THINGS)}
    for own_id in map(int, np.unique(ids)):
        is_crowd = own_id < PER_CLASS
        category = categories.get(own_id if is_crowd else own_id // PER_CLASS)
        found = None if category is None else cut_object(ids == own_id, category, is_crowd, own_id)
        if found is not None:
            yield found
