"""What each pixel of an annotated image truly is.

Legend: H W the image's height and width.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from composer.data.dataset import Dataset
from composer.data.metadata import Metadata
from composer.data.records import Record
from composer.data.sample_reading import read_sample
from composer.errors import InputError
from composer.evaluation.panoptic_quality import SegmentClass


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


def read_segments(record: Record, metadata: Metadata) -> TrueSegments:
    """Reads the panoptic annotation of an image.

    Raises:
        InputError: the picture cannot be read.
    """
    sample = read_sample(record, metadata, mask_format="none")
    assert sample.panoptic is not None
    return TrueSegments(
        sample.panoptic.numpy(),
        {one.segment_id: (one.is_thing, one.category) for one in record.segments},
        frozenset(one.segment_id for one in record.segments if one.is_crowd),
    )


def read_classes(record: Record, metadata: Metadata) -> Int[np.ndarray, "H W"]:
    """Reads the class of each pixel.

    Raises:
        InputError: the picture cannot be read.
    """
    sample = read_sample(record, metadata, mask_format="none")
    assert sample.sem_seg is not None
    return sample.sem_seg.numpy()


def check_annotated(dataset: Dataset, files: Collection[str], what: str) -> None:
    """Refuses a dataset with an image that has no such annotation.

    Args:
        dataset: the dataset.
        files: attributes of records, one of which is to be there.
        what: what is wanted, in words.

    Raises:
        InputError: an image has none of them.
    """
    for record in dataset.records:
        if all(getattr(record, name) is None for name in files):
            raise InputError(f"dataset '{dataset.name}': {record.file_name} has no {what}")
