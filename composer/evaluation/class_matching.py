"""Matches the classes of a model with those of a dataset by name.

Legend: C classes of the model, D of the dataset, H W the image's height and width.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from composer.data import Dataset
from composer.errors import InputError
from composer.evaluation.evaluator import Predict, Record
from composer.language import SpecMetadata
from composer.names import did_you_mean
from composer.structures import Instances


class MatchedClasses:
    """A model whose outputs have the thing and stuff classes of a dataset.

    Outputs of classes that the dataset does not have are dropped: a model of COCO's 80 classes can
    be evaluated on a dataset of persons. In semantic segmentation each pixel gets the likeliest
    class of the dataset. Where either side has no names, indices stay as they are.

    Args:
        predict: the model.
        names: the model's classes.
        dataset: the dataset.

    Raises:
        InputError: the model has none of the dataset's things, or none of its stuff.
    """

    def __init__(self, predict: Predict, names: SpecMetadata, dataset: Dataset) -> None:
        wanted = dataset.metadata
        self._predict = predict
        self._things = _match(names.thing_classes, wanted.thing_classes, "classes", dataset)
        self._stuff = _match(names.stuff_classes, wanted.stuff_classes, "classes of stuff", dataset)
        self._num_stuff = len(wanted.stuff_classes)

    def __call__(self, batch: list[dict[str, Any]]) -> Sequence[Record]:
        """Predicts a batch, with the dataset's classes."""
        return [self._translate(output) for output in self._predict(batch)]

    def _translate(self, output: Record) -> Record:
        translated = dict(output)
        if self._things is not None and isinstance(output.get("instances"), Instances):
            translated["instances"] = _renumber(output["instances"], self._things)
        if self._stuff is not None and isinstance(output.get("sem_seg"), Tensor):
            translated["sem_seg"] = _reorder(output["sem_seg"], self._stuff, self._num_stuff)
        if "panoptic_seg" in output:
            ids, segments = output["panoptic_seg"]
            # Pixels of a segment that is not listed belong to nothing.
            translated["panoptic_seg"] = (
                ids,
                [known for info in segments if (known := self._renumber_segment(info))],
            )
        return translated

    def _renumber_segment(self, info: Record) -> Record | None:
        numbers = self._things if info["isthing"] else self._stuff
        if numbers is None:
            return info
        number = numbers[info["category_id"]]
        return None if number < 0 else {**info, "category_id": number}


def _match(
    names: Sequence[str], wanted: Sequence[str], what: str, dataset: Dataset
) -> list[int] | None:
    """For each class of a model that of the dataset, -1 for none; None if they stay as they are."""
    if not names or not wanted or tuple(names) == tuple(wanted):
        return None
    if not set(wanted) & set(names):
        hint = did_you_mean(wanted[0], names, f"the model's {what}")
        raise InputError(
            f"the model has none of the {what} of dataset '{dataset.name}' "
            f"({', '.join(wanted[:5])}). {hint}"
        )
    return [wanted.index(name) if name in wanted else -1 for name in names]


def _renumber(instances: Instances, numbers: Sequence[int]) -> Instances:
    if not instances.has("pred_classes"):
        return instances
    table = torch.tensor(numbers, device=instances.pred_classes.device)
    classes = table[instances.pred_classes]
    kept = Instances(instances.image_size, **instances.get_fields())
    kept.pred_classes = classes
    return kept[classes >= 0]


def _reorder(
    scores: Float[Tensor, "C H W"], numbers: Sequence[int], count: int
) -> Float[Tensor, "D H W"]:
    """Scores in the order of the dataset's classes; one that the model lacks is never likeliest.

    Raises:
        InputError: there are not as many scores as the model has names.
    """
    if len(scores) != len(numbers):
        raise InputError(
            f"the model's spec names {len(numbers)} classes of stuff, but its semantic scores are "
            f"of {len(scores)}"
        )
    known = [at for at, number in enumerate(numbers) if number >= 0]
    reordered = scores.new_full((count, *scores.shape[1:]), -math.inf)
    reordered[[numbers[at] for at in known]] = scores[known]
    return reordered
