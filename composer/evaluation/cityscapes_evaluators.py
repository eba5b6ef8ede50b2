"""The evaluations of the Cityscapes benchmark (Cordts et al. 2016): instances and pixels.

Legend: C classes, H W height and width of the image.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from composer.data import Dataset, FaultPolicy, cityscapes_classes, read_instance_ids
from composer.errors import InputError
from composer.evaluation.cityscapes_precision import (
    OVERLAPS,
    ComparedImage,
    average_precision,
    compare_image,
)
from composer.evaluation.detections import read_instances
from composer.evaluation.evaluator import ImageEvaluator
from composer.evaluation.results import Results, TaskResults
from composer.evaluation.segmentation_truth import TruthReader
from composer.evaluation.semantic_evaluator import count_pixels, read_classes_found

INSTANCE_TASK, PIXEL_TASK = "cityscapes", "cityscapes_sem_seg"

_CLASSES = cityscapes_classes.CLASSES
_NAMES = tuple(_CLASSES)
_VOID = 255


class CityscapesInstanceEvaluator(ImageEvaluator[ComparedImage | None]):
    """The benchmark's average precision of masks: `AP` over ten overlaps, `AP50`.

    Args:
        dataset: of the reader `cityscapes`, or one with its classes and label images of instance
            ids.
        on_fault: policy on label images that cannot be read: `skip` logs a warning and leaves the
            image out, `refuse` raises.

    Raises:
        InputError: an image has no such label image, or a class is none of the benchmark's.
    """

    def __init__(self, dataset: Dataset, *, on_fault: FaultPolicy = "skip") -> None:
        _check(dataset, dataset.metadata.thing_classes)
        super().__init__(dataset)
        self._truth = TruthReader(dataset, on_fault)

    def _compare(self, place: int, output: Mapping[str, Any]) -> ComparedImage | None:
        ids = self._truth.read(place, read_instance_ids)
        if ids is None:
            return None
        instances = read_instances(output)
        if not instances.has("pred_masks"):
            raise InputError(f"the task '{INSTANCE_TASK}' needs 'pred_masks'")
        masks = (instances.pred_masks.cpu() > 0.5).numpy()
        if masks.shape[1:] != ids.shape:
            raise InputError(f"masks of {masks.shape[1:]} for an image of {ids.shape}")
        names = self.dataset.metadata.thing_classes
        labels = [_CLASSES[names[number]] for number in instances.pred_classes.tolist()]
        return compare_image(
            ids, masks, labels, instances.scores.tolist(), tuple(_CLASSES.values())
        )

    def results(self) -> Results:
        """The metrics of all classes, and of each, over the images that were processed."""
        compared = [one for one in self._compared.values() if one is not None]
        names = self.dataset.metadata.thing_classes
        values = np.array([average_precision(compared, _CLASSES[name]) for name in names])
        at_half = OVERLAPS.index(0.5)
        per_class = {
            name: {"AP": float(row.mean()), "AP50": float(row[at_half])}
            for name, row in zip(names, values, strict=True)
        }
        metrics = {"AP": _mean(values), "AP50": _mean(values[:, at_half])}
        return Results({INSTANCE_TASK: TaskResults(metrics, per_class)}, len(compared))


@dataclass(frozen=True)
class ComparedPixels:
    """Pixels of an image by class, and how far its objects were found.

    Args:
        pixels: by true class (row) and predicted class (column).
        right: weighted pixels of objects with the right class, by class.
        total: weighted pixels of objects, by class.
        right_category: weighted pixels of objects with a class of the right category, by class.
    """

    pixels: Int[np.ndarray, "C C"]
    right: Float[np.ndarray, "C"]
    total: Float[np.ndarray, "C"]
    right_category: Float[np.ndarray, "C"]


class CityscapesPixelEvaluator(ImageEvaluator[ComparedPixels | None]):
    """The benchmark's overlaps of classes and categories: `IoU`, `iIoU`, `IoU_sup`, `iIoU_sup`.

    In `iIoU`, pixels of an object weigh as much as the mean size of its class over its own size,
    so that small objects count as large ones do.

    Args:
        dataset: as for `CityscapesInstanceEvaluator`, with all classes as stuff.
        on_fault: as there.

    Raises:
        InputError: as there.
    """

    def __init__(self, dataset: Dataset, *, on_fault: FaultPolicy = "skip") -> None:
        if tuple(dataset.metadata.stuff_classes) != _NAMES:
            raise InputError(
                f"dataset '{dataset.name}' does not have the semantic classes of Cityscapes: the "
                "reader 'cityscapes' has them with `semantic: true`"
            )
        _check(dataset, _NAMES)
        super().__init__(dataset)
        self._truth = TruthReader(dataset, on_fault)

    def _compare(self, place: int, output: Mapping[str, Any]) -> ComparedPixels | None:
        ids = self._truth.read(place, read_instance_ids)
        if ids is None:
            return None
        found = read_classes_found(output, ids.shape)
        labels = np.where(
            ids >= cityscapes_classes.PER_CLASS, ids // cityscapes_classes.PER_CLASS, ids
        )
        truth = _to_training_ids(labels)
        pixels = count_pixels(truth, found, len(_NAMES), _VOID)
        return ComparedPixels(pixels, *_weigh_objects(ids, found))

    def results(self) -> Results:
        """The metrics of all classes and categories, and of each."""
        compared = [one for one in self._compared.values() if one is not None]
        zeros = ComparedPixels(np.zeros((len(_NAMES),) * 2, np.int64), *np.zeros((3, len(_NAMES))))
        parts = [zeros, *compared]
        pixels = np.sum([one.pixels for one in parts], axis=0)
        right = np.sum([one.right for one in parts], axis=0)
        total = np.sum([one.total for one in parts], axis=0)
        right_category = np.sum([one.right_category for one in parts], axis=0)
        per_class: dict[str, dict[str, float]] = {}
        for name in _NAMES:
            per_class[name] = {"IoU": _overlap(pixels, [name])}
            if name in cityscapes_classes.THINGS:
                per_class[name]["iIoU"] = _object_overlap(pixels, [name], right, total)
        categories = cityscapes_classes.CATEGORIES
        of_objects = [c for c in categories.values() if set(c) <= set(cityscapes_classes.THINGS)]
        metrics = {
            "IoU": _mean([row["IoU"] for row in per_class.values()]),
            "iIoU": _mean([row["iIoU"] for row in per_class.values() if "iIoU" in row]),
            "IoU_sup": _mean([_overlap(pixels, names) for names in categories.values()]),
            "iIoU_sup": _mean(
                [_object_overlap(pixels, names, right_category, total) for names in of_objects]
            ),
        }
        return Results({PIXEL_TASK: TaskResults(metrics, per_class)}, len(compared))


def _has_instance_ids(dataset: Dataset) -> bool:
    """Whether all images of a dataset have label images of instance ids, as Cityscapes has."""
    records = dataset.records
    return bool(records) and all(cityscapes_classes.INSTANCE_IDS in r.extra for r in records)


def _check(dataset: Dataset, names: Sequence[str]) -> None:
    if not _has_instance_ids(dataset):
        raise InputError(
            f"dataset '{dataset.name}' has images without a label image '*_instanceIds.png', "
            "which the evaluations of Cityscapes read"
        )
    unknown = [name for name in names if name not in _CLASSES]
    if unknown:
        raise InputError(f"'{unknown[0]}' is no class that Cityscapes evaluates")


def _to_training_ids(labels: Int[np.ndarray, "H W"]) -> Int[np.ndarray, "H W"]:
    table = np.full(max(int(labels.max(initial=0)), *_CLASSES.values()) + 1, _VOID)
    table[list(_CLASSES.values())] = np.arange(len(_CLASSES))
    found: Int[np.ndarray, "H W"] = table[labels]
    return found


def _weigh_objects(
    ids: Int[np.ndarray, "H W"], found: Int[np.ndarray, "H W"]
) -> tuple[Float[np.ndarray, "C"], Float[np.ndarray, "C"], Float[np.ndarray, "C"]]:
    """Weighted pixels of objects: with the right class, all, and with the right category."""
    right, total, right_category = np.zeros((3, len(_NAMES)))
    by_label = {label: place for place, label in enumerate(_CLASSES.values())}
    groups = {name: names for names in cityscapes_classes.CATEGORIES.values() for name in names}
    for own in np.unique(ids[ids > cityscapes_classes.PER_CLASS]).tolist():
        place = by_label.get(own // cityscapes_classes.PER_CLASS)
        if place is None:
            continue
        name, classes = _NAMES[place], found[ids == own]
        weight = cityscapes_classes.MEAN_SIZES[name] / len(classes)
        alike = [_NAMES.index(other) for other in groups[name]]
        right[place] += weight * (classes == place).sum()
        total[place] += weight * len(classes)
        right_category[place] += weight * np.isin(classes, alike).sum()
    return right, total, right_category


def _overlap(pixels: Int[np.ndarray, "C C"], names: Sequence[str]) -> float:
    """Intersection over union of some classes together; NaN without any pixel."""
    inside = np.isin(_NAMES, names)
    right = pixels[inside][:, inside].sum()
    union = pixels[inside].sum() + pixels[~inside][:, inside].sum()
    return float(right / union) if union else math.nan


def _object_overlap(
    pixels: Int[np.ndarray, "C C"],
    names: Sequence[str],
    right: Float[np.ndarray, "C"],
    total: Float[np.ndarray, "C"],
) -> float:
    """The same with the weighted pixels of objects as truth."""
    inside = np.isin(_NAMES, names)
    union = total[inside].sum() + pixels[~inside][:, inside].sum()
    return float(right[inside].sum() / union) if union else math.nan


def _mean(values: Sequence[float] | Float[np.ndarray, "..."]) -> float:
    defined = np.array(values, dtype=float)
    defined = defined[~np.isnan(defined)]
    return float(defined.mean()) if defined.size else math.nan
