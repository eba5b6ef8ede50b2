"""A model's classes as those of a dataset, told by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from composer.data.dataset import Dataset
from composer.errors import InputError
from composer.evaluation.evaluator import Predict, Record
from composer.spec.suggestion import did_you_mean
from composer.structures import Instances


class MatchedClasses:
    """A model whose instances are given the classes of a dataset.

    Instances of classes that the dataset does not have are dropped: a model of COCO's 80 classes
    can be measured on a dataset of persons.

    Args:
        predict: the model.
        names: the model's classes.
        dataset: the dataset.

    Raises:
        InputError: the model has none of the dataset's classes.
    """

    def __init__(self, predict: Predict, names: Sequence[str], dataset: Dataset) -> None:
        wanted = dataset.metadata.thing_classes
        if not set(wanted) & set(names):
            hint = did_you_mean(wanted[0], names, "the model's classes") if wanted else ""
            raise InputError(
                f"the model knows none of the classes of dataset '{dataset.name}' "
                f"({', '.join(wanted[:5])}). {hint}"
            )
        self._predict = predict
        self._numbers = [wanted.index(name) if name in wanted else -1 for name in names]

    def __call__(self, batch: list[dict[str, Any]]) -> Sequence[Record]:
        """The model's outputs for a batch, with the dataset's classes."""
        return [self._translate(output) for output in self._predict(batch)]

    def _translate(self, output: Record) -> Record:
        translated = dict(output)
        if isinstance(output.get("instances"), Instances):
            translated["instances"] = self._renumber(output["instances"])
        if "panoptic_seg" in output:
            ids, segments = output["panoptic_seg"]
            # Pixels of a segment that is not listed belong to nothing.
            translated["panoptic_seg"] = (
                ids,
                [known for info in segments if (known := self._renumber_segment(info))],
            )
        return translated

    def _renumber_segment(self, info: Record) -> Record | None:
        if not info["isthing"]:
            return info
        number = self._numbers[info["category_id"]]
        return None if number < 0 else {**info, "category_id": number}

    def _renumber(self, instances: Instances) -> Instances:
        if not instances.has("pred_classes"):
            return instances
        numbers = torch.tensor(self._numbers, device=instances.pred_classes.device)
        classes = numbers[instances.pred_classes]
        kept = Instances(instances.image_size, **instances.get_fields())
        kept.pred_classes = classes
        return kept[classes >= 0]
