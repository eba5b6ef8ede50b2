"""Panoptic quality of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from composer.data import Dataset, FaultPolicy
from composer.errors import InputError
from composer.evaluation.evaluator import ImageEvaluator
from composer.evaluation.panoptic_quality import Quality, SegmentClass, compare_segments
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.segmentation_truth import TruthReader, check_annotated, read_segments

PANOPTIC_TASK = "panoptic"


class PanopticEvaluator(ImageEvaluator[dict[SegmentClass, Quality] | None]):
    """Panoptic, segmentation and recognition quality (Kirillov et al. 2019), as COCO counts them.

    The metrics are means over the classes that occur, in the annotations or in the predictions:
    over all of them (PQ, SQ, RQ), over things (`PQ_things`, ...) and over stuff.

    Args:
        dataset: images with panoptic annotations.
        on_fault: policy on annotations that cannot be read: `skip` logs a warning and leaves the
            image out, `refuse` raises.

    Raises:
        InputError: an image has no panoptic annotation.
    """

    def __init__(self, dataset: Dataset, *, on_fault: FaultPolicy = "skip") -> None:
        check_annotated(dataset, ("panoptic_file",), "panoptic annotation")
        super().__init__(dataset)
        self._truth = TruthReader(dataset, on_fault)

    def _compare(self, place: int, output: Mapping[str, Any]) -> dict[SegmentClass, Quality] | None:
        """The quality of the segments by class; None if the annotation cannot be read."""
        truth = self._truth.read(place, read_segments)
        if truth is None:
            return None
        ids, segments = read_panoptic_output(output, truth.ids.shape)
        classes = {info["id"]: (bool(info["isthing"]), info["category_id"]) for info in segments}
        return compare_segments(truth.ids, truth.classes, ids, classes, truth.crowds)

    def results(self) -> Results:
        """The qualities of all classes, and of each.

        Segments of images that were not processed count as missed.
        """
        totals: dict[SegmentClass, Quality] = {}
        num_images = 0
        for place, record in enumerate(self.dataset.records):
            counts = self._compared.get(place, _miss_all(record.segments))
            if counts is None:
                continue
            num_images += 1
            for of, quality in counts.items():
                totals[of] = totals.get(of, Quality()) + quality
        metrics = _mean_metrics(totals.values())
        for suffix, is_thing in (("things", True), ("stuff", False)):
            part = _mean_metrics(quality for of, quality in totals.items() if of[0] == is_thing)
            metrics |= {f"{name}_{suffix}": value for name, value in part.items()}
        per_class = {
            self._name_of(of): _metrics(totals[of]) for of in sorted(totals, key=_things_first)
        }
        return Results({PANOPTIC_TASK: TaskResults(metrics, per_class)}, num_images)

    def _name_of(self, of: SegmentClass) -> str:
        is_thing, index = of
        metadata = self.dataset.metadata
        things, stuff = metadata.thing_labels, metadata.stuff_labels
        names, others = (things, stuff) if is_thing else (stuff, things)
        kind = "thing" if is_thing else "stuff"
        if index >= len(names):
            return f"{kind} {index}"
        return f"{names[index]} ({kind})" if names[index] in others else names[index]


def read_panoptic_output(
    output: Mapping[str, Any], size: tuple[int, ...]
) -> tuple[np.ndarray[Any, Any], Sequence[Mapping[str, Any]]]:
    """The ids by pixel and the segments of an output.

    Args:
        output: the model's output for an image.
        size: the image's (height, width).

    Raises:
        InputError: it has no `panoptic_seg`, or one of another size.
    """
    if "panoptic_seg" not in output:
        raise InputError(
            f"the outputs have no 'panoptic_seg'; they have {', '.join(map(repr, output))}"
        )
    ids, segments = output["panoptic_seg"]
    found = ids.cpu().numpy() if isinstance(ids, Tensor) else np.asarray(ids)
    if found.shape != size:
        raise InputError(
            f"a panoptic segmentation of {found.shape} for an image of {size}: outputs are to have "
            "the size that the batch's 'height' and 'width' say"
        )
    return found, segments


def _miss_all(segments: Iterable[Any]) -> dict[SegmentClass, Quality]:
    counts: dict[SegmentClass, Quality] = {}
    for segment in segments:
        if not segment.is_crowd:
            of = (segment.is_thing, segment.category)
            counts[of] = counts.get(of, Quality()) + Quality(missed=1)
    return counts


def _metrics(quality: Quality) -> dict[str, float]:
    if not quality.is_defined:
        return {"PQ": math.nan, "SQ": math.nan, "RQ": math.nan}
    return {"PQ": quality.panoptic, "SQ": quality.segmentation, "RQ": quality.recognition}


def _mean_metrics(qualities: Iterable[Quality]) -> dict[str, float]:
    defined = [_metrics(quality) for quality in qualities if quality.is_defined]
    if not defined:
        return _metrics(Quality())
    return {name: sum(one[name] for one in defined) / len(defined) for name in defined[0]}


def _things_first(of: SegmentClass) -> tuple[bool, int]:
    return not of[0], of[1]
