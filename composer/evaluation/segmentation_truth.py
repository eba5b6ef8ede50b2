"""Ground truth of panoptic and semantic segmentation.

Legend: H W the image's height and width.
"""

import logging
from collections.abc import Callable, Collection
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Int

from composer.data import Dataset, FaultPolicy, Metadata, Record, read_panoptic, read_sem_seg
from composer.errors import InputError
from composer.evaluation.image_index import find_image_size
from composer.evaluation.panoptic_quality import SegmentClass

T = TypeVar("T")
_log = logging.getLogger("composer.evaluation")


class TrueSegments(NamedTuple):
    """The segments of an image.

    Args:
        ids: for each pixel its segment's id.
        classes: the class of each segment.
        crowds: the segments that stand for groups.
    """

    ids: Int[np.ndarray, "H W"]
    classes: dict[int, SegmentClass]
    crowds: frozenset[int]


class TruthReader:
    """Reads annotations of the images of a dataset, with a policy on unreadable files.

    Args:
        dataset: the dataset.
        on_fault: `skip` logs a warning about an unreadable annotation; `refuse` raises.

    Attributes:
        left_out: positions of the images whose annotation cannot be read.
    """

    def __init__(self, dataset: Dataset, on_fault: FaultPolicy) -> None:
        self._dataset = dataset
        self._on_fault = on_fault
        self.left_out: set[int] = set()

    def read(self, place: int, read: Callable[[Record], T]) -> T | None:
        """Reads the annotation of an image with a function; None if it is unreadable.

        Raises:
            InputError: it is unreadable, and that is refused.
        """
        try:
            return read(self._dataset.records[place])
        except InputError as error:
            if self._on_fault == "refuse":
                raise
            if place not in self.left_out:
                _log.warning("an image is left out of the evaluation: %s", error)
            self.left_out.add(place)
            return None


def read_segments(record: Record) -> TrueSegments:
    """Reads the panoptic annotation of an image.

    Raises:
        InputError: the file cannot be read, or is of another size than the image.
    """
    ids = read_panoptic(record, find_image_size(record))
    assert ids is not None
    return TrueSegments(
        ids.numpy(),
        {one.segment_id: (one.is_thing, one.category) for one in record.segments},
        frozenset(one.segment_id for one in record.segments if one.is_crowd),
    )


def read_classes(record: Record, metadata: Metadata) -> Int[np.ndarray, "H W"]:
    """Reads the class of each pixel.

    Raises:
        InputError: the file cannot be read, is of another size than the image, or has a class
            that is none of the dataset's.
    """
    size = find_image_size(record)
    panoptic = read_panoptic(record, size) if record.sem_seg_file is None else None
    classes = read_sem_seg(record, size, panoptic, metadata)
    assert classes is not None
    return classes.numpy()


def check_annotated(dataset: Dataset, files: Collection[str], what: str) -> None:
    """Refuses a dataset with an image that has no such annotation.

    Args:
        dataset: the dataset.
        files: attributes of records, one of which is required.
        what: name of the annotation, for messages.

    Raises:
        InputError: an image has none of them.
    """
    for record in dataset.records:
        if all(getattr(record, name) is None for name in files):
            raise InputError(f"dataset '{dataset.name}': {record.file_name} has no {what}")
