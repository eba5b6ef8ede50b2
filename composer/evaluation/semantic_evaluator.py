"""Semantic segmentation: overlap and accuracy by class.

Legend: C classes, E pairs of a true and a predicted class, H W the image's height and width.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from composer.data import Dataset, FaultPolicy
from composer.errors import InputError
from composer.evaluation.evaluator import ImageEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.segmentation_truth import TruthReader, check_annotated, read_classes

SEMANTIC_TASK = "sem_seg"


class SemanticEvaluator(ImageEvaluator[Int[np.ndarray, "2 E"] | None]):
    """Mean intersection over union, and pixel accuracy.

    `mIoU` and `mACC` are means over the classes that occur, `fwIoU` the mean weighted with how
    often they do, `pACC` the share of correct pixels. Pixels with the ignored label are
    left out.

    Args:
        dataset: images with semantic or panoptic annotations.
        on_fault: policy on annotations that cannot be read: `skip` logs a warning and leaves the
            image out, `refuse` raises.

    Raises:
        InputError: an image has neither.
    """

    def __init__(self, dataset: Dataset, *, on_fault: FaultPolicy = "skip") -> None:
        check_annotated(dataset, ("sem_seg_file", "panoptic_file"), "semantic annotation")
        super().__init__(dataset)
        self._truth = TruthReader(dataset, on_fault)

    def _compare(self, place: int, output: Mapping[str, Any]) -> Int[np.ndarray, "2 E"] | None:
        """The number of pixels of each pair of classes; None if the annotation cannot be read."""
        metadata = self.dataset.metadata
        truth = self._truth.read(place, lambda record: read_classes(record, metadata))
        if truth is None:
            return None
        found, num_classes = read_classes_found(output, truth.shape), len(metadata.stuff_classes)
        pixels = count_pixels(truth, found, num_classes, metadata.ignore_label).ravel()
        pairs = np.flatnonzero(pixels)
        return np.stack((pairs, pixels[pairs]))

    def results(self) -> Results:
        """The metrics of all classes, and of each, over the images that were processed."""
        names = self.dataset.metadata.stuff_labels
        pixels = np.zeros((len(names), len(names)), dtype=np.int64)
        compared = [one for one in self._compared.values() if one is not None]
        for pairs, counts in compared:
            pixels.ravel()[pairs] += counts
        found = TaskResults(*summarize_pixels(pixels, names))
        return Results({SEMANTIC_TASK: found}, len(compared))


def count_pixels(
    truth: Int[np.ndarray, "H W"],
    found: Int[np.ndarray, "H W"],
    num_classes: int,
    ignore_label: int,
) -> Int[np.ndarray, "C C"]:
    """Counts pixels by true class (row) and predicted class (column).

    Raises:
        InputError: a class is none of the dataset's.
    """
    counted = truth != ignore_label
    rows, columns = truth[counted].astype(np.int64), found[counted].astype(np.int64)
    for classes, of in ((rows, "annotation"), (columns, "model's output")):
        if classes.size and not 0 <= classes.min() <= classes.max() < num_classes:
            raise InputError(
                f"the {of} has the semantic class {classes.max()}, but the dataset has "
                f"{num_classes} classes"
            )
    counts = np.bincount(rows * num_classes + columns, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def summarize_pixels(
    pixels: Int[np.ndarray, "C C"], names: Sequence[str]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """The metrics of all classes, and those of each."""
    right = np.diag(pixels).astype(float)
    of_truth, of_output = pixels.sum(axis=1).astype(float), pixels.sum(axis=0).astype(float)
    with np.errstate(invalid="ignore"):
        accuracy, overlap = right / of_truth, right / (of_truth + of_output - right)
    occurs = of_truth > 0
    total = of_truth.sum()
    metrics = {
        "mIoU": _mean(overlap[occurs]),
        "fwIoU": float((overlap[occurs] * of_truth[occurs]).sum() / total) if total else math.nan,
        "mACC": _mean(accuracy[occurs]),
        "pACC": float(right.sum() / total) if total else math.nan,
    }
    per_class = {
        name: {
            "IoU": float(overlap[index]) if occurs[index] else math.nan,
            "ACC": float(accuracy[index]),
        }
        for index, name in enumerate(names)
    }
    return metrics, per_class


def read_classes_found(output: Mapping[str, Any], size: tuple[int, ...]) -> Int[np.ndarray, "H W"]:
    """The likeliest class of each pixel of an output.

    Raises:
        InputError: there is no `sem_seg`, or it is of another size than the image.
    """
    scores = output.get("sem_seg")
    if not isinstance(scores, Tensor):
        raise InputError(f"the outputs have no 'sem_seg'; they have {', '.join(map(repr, output))}")
    if tuple(scores.shape[-2:]) != size:
        raise InputError(
            f"semantic scores of {tuple(scores.shape)} for an image of {size}: outputs are to have "
            "the size that the batch's 'height' and 'width' say"
        )
    return scores.argmax(dim=0).cpu().numpy()


def _mean(values: Float[np.ndarray, "_"]) -> float:
    return float(values.mean()) if values.size else math.nan
