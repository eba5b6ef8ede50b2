"""Opens every image of a dataset and reports its faults."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from composer.data.dataset import Dataset, describe_untrainable
from composer.data.faults import BadPart, Fault, FaultLog
from composer.data.label_images import read_labels, read_segment_ids
from composer.data.metadata import Metadata
from composer.data.readers.annotation_forms import list_parts_outside
from composer.data.records import Record
from composer.escapes import describe_error
from composer.images import ImageFileError, open_image, peek_size

_MAX_THREADS = 4
_MAX_NAMED = 5

Progress = Callable[[int, int], None]


def inspect_dataset(
    dataset: Dataset, *, quick: bool = False, progress: Progress | None = None
) -> list[Fault]:
    """The faults of a dataset: those that its reader found, and those of its image files.

    No content of a file ends an inspection.

    Args:
        dataset: the dataset.
        quick: whether to read no more of an image than its size, and no labels.
        progress: called after each image with the number of those done and of all.
    """
    records = dataset.records
    faults = [*dataset.faults, *_find_shared_files(records), *_find_fractions(records)]
    if dataset.num_annotations and (reason := describe_untrainable(dataset)):
        faults.append(Fault("only_crowds", reason))
    inspect = partial(inspect_record, metadata=dataset.metadata, quick=quick)
    threads = min(_MAX_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:  # decoding leaves the interpreter to others
        for done, found in enumerate(pool.map(inspect, dataset.records), start=1):
            faults += found
            if progress is not None:
                progress(done, len(dataset))
    return faults


def inspect_record(record: Record, metadata: Metadata, quick: bool = False) -> list[Fault]:
    """The faults of an image's files, and of its boxes by the size of the image.

    Args:
        record: the image.
        metadata: of its dataset.
        quick: whether to read no more of it than its size, and no labels.
    """
    log = FaultLog()
    name = record.file_name.name
    try:
        size = peek_size(record.file_name) if quick else _decode_size(record)
        _check_size(record, size, log)
        if not quick:
            for file, check in (
                (record.sem_seg_file, _check_classes),
                (record.panoptic_file, _check_segments),
            ):
                if file is not None:
                    check(record, file, size, metadata, log)
    except ImageFileError as error:
        log.add(error.kind, error.reason.removeprefix("not an image: "), name)
    except BadPart as bad:
        log.add(bad.kind, bad.message, name)
    except Exception as error:  # an image can break a decoder in ways that nobody has listed
        log.add("unreadable_image", describe_error(error), name)
    return log.faults


def _find_shared_files(records: Sequence[Record]) -> Iterator[Fault]:
    counts = Counter(record.file_name for record in records)
    for file, count in counts.items():
        if count > 1:
            yield Fault("duplicate_id", f"{count} images have this file", file.name)


def _find_fractions(records: Sequence[Record]) -> Iterator[Fault]:
    """Boxes in fractions of the image, which are all in the corner of one pixel."""
    boxes = [annotation.box for record in records for annotation in record.annotations]
    if boxes and all(max(box) <= 1 for box in boxes):
        message = "no box reaches beyond one pixel: are they fractions of the image?"
        yield Fault("box_scale", message)


def _decode_size(record: Record) -> tuple[int, int]:
    """The (height, width) of an image that is decoded completely."""
    image = open_image(record.file_name, record.sample_range)
    return image.height, image.width


def _check_size(record: Record, size: tuple[int, int], log: FaultLog) -> None:
    height, width = size
    wanted = (record.height or height, record.width or width)
    name = record.file_name.name
    if wanted != size:
        turned = ", which is the image on its side" if wanted == (width, height) else ""
        message = (
            f"the image is {width} x {height} (width x height), its annotations are for "
            f"{wanted[1]} x {wanted[0]}{turned}"
        )
        log.add("size_differs", message, name)
    elif record.height is None:  # else the reader has looked at boxes
        for annotation in record.annotations:
            for kind, outside in list_parts_outside(annotation, height, width):
                log.add(kind, outside, name, annotation.annotation_id)


def _check_classes(
    record: Record, file: Path, size: tuple[int, int], metadata: Metadata, log: FaultLog
) -> None:
    labels = read_labels(file)
    name = record.file_name.name
    _check_labels_size(labels, file, size, log, name)
    known = {*range(len(metadata.stuff_classes)), metadata.ignore_label}
    unknown = [int(label) for label in np.unique(labels) if int(label) not in known]
    if unknown:
        message = f"{file.name} has the values {_list(unknown)}, which are no classes"
        log.add("unknown_category", message, name)


def _check_segments(
    record: Record,
    file: Path,
    size: tuple[int, int],
    _metadata: Metadata,
    log: FaultLog,
) -> None:
    ids = read_segment_ids(file)
    name = record.file_name.name
    _check_labels_size(ids, file, size, log, name)
    drawn = {int(segment_id) for segment_id in np.unique(ids)} - {0}
    listed = {segment.segment_id for segment in record.segments}
    if drawn - listed:
        message = (
            f"{file.name} has the ids {_list(sorted(drawn - listed))}, which nothing describes"
        )
        log.add("unknown_segment", message, name)
    if listed - drawn:
        message = f"the segments {_list(sorted(listed - drawn))} have no pixel in {file.name}"
        log.add("unknown_segment", message, name)


def _check_labels_size(
    labels: np.ndarray, file: Path, size: tuple[int, int], log: FaultLog, name: str
) -> None:
    if labels.shape != size:
        message = (
            f"{file.name} is {labels.shape[1]} x {labels.shape[0]} (width x height), the image "
            f"{size[1]} x {size[0]}"
        )
        log.add("size_differs", message, name)


def _list(values: Sequence[int]) -> str:
    more = ", ..." if len(values) > _MAX_NAMED else ""
    return ", ".join(map(str, values[:_MAX_NAMED])) + more
