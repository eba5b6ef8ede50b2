"""Matches the classes of a model with those of a dataset by name.

Legend: C classes of the model, D of the dataset, H W the image's height and width.
"""

import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from composer.data import Dataset
from composer.errors import InputError
from composer.evaluation.evaluator import Predict, Record
from composer.language import SpecMetadata
from composer.names import did_you_mean, fold_name, label_names
from composer.structures import Instances

_NUMBER = re.compile(r"(?:(?:category|class)[ _]?)?\d+")
_log = logging.getLogger("composer.evaluation")


class MatchedClasses:
    """A model whose outputs have the thing and stuff classes of a dataset.

    Outputs of classes that the dataset does not have are dropped: a model of COCO's 80 classes can
    be evaluated on a dataset of persons. Classes that the model does not have are logged. Case and
    spaces of a name do not count where it has no other match, and classes of one name are told
    apart by their ids. In semantic segmentation each pixel gets the likeliest
    class of the dataset. Where either side has no names, indices stay as they are.

    Args:
        predict: the model.
        names: the model's classes.
        dataset: the dataset.

    Raises:
        InputError: the model has none of the dataset's things, or none of its stuff, or it is not
            known which of several classes of one name is which.
    """

    def __init__(self, predict: Predict, names: SpecMetadata, dataset: Dataset) -> None:
        wanted = dataset.metadata
        self._predict = predict
        self._things = _match(
            _Classes(names.thing_classes, names.thing_ids),
            _Classes(wanted.thing_classes, wanted.thing_ids),
            "classes",
            dataset,
        )
        self._stuff = _match(
            _Classes(names.stuff_classes, names.stuff_ids),
            _Classes(wanted.stuff_classes, wanted.stuff_ids),
            "classes of stuff",
            dataset,
        )
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


class _Classes(NamedTuple):
    """Classes of a model or a dataset.

    Args:
        names: their names.
        own_ids: a dataset's ids of them, if they are known.
    """

    names: Sequence[str]
    own_ids: Sequence[int]

    def group(self, positions: Iterable[int], fold: Callable[[str], str]) -> dict[str, list[int]]:
        """Some of the classes by name."""
        found: dict[str, list[int]] = {}
        for at in positions:
            found.setdefault(fold(self.names[at]), []).append(at)
        return found


def _match(model: _Classes, wanted: _Classes, what: str, dataset: Dataset) -> list[int] | None:
    """For each class of a model that of the dataset, -1 for none; None if they stay as they are."""
    if not model.names or not wanted.names or tuple(model.names) == tuple(wanted.names):
        return None
    found: dict[int, int] = {}
    for fold in (str, fold_name):
        left = model.group((at for at in range(len(model.names)) if at not in found), fold)
        taken = set(found.values())
        open_ = wanted.group((at for at in range(len(wanted.names)) if at not in taken), fold)
        for name in left.keys() & open_.keys():
            found |= _pair(model, left[name], wanted, open_[name], dataset)
    if not found:
        hint = _suggest_names(wanted, model, what)
        raise InputError(
            f"the model has none of the {what} of dataset '{dataset.name}' "
            f"({', '.join(wanted.names[:5])}). {hint}"
        )
    _log_differences(model, wanted, found, what, dataset)
    return [found.get(at, -1) for at in range(len(model.names))]


def _suggest_names(wanted: _Classes, model: _Classes, what: str) -> str:
    """A hint: a class of the model, or how to name classes of which data have the numbers only."""
    if all(_NUMBER.fullmatch(name.strip()) for name in wanted.names):
        pair = f'{{{model.names[0]}: ["{wanted.names[0]}"]}}'
        return (
            "The data have numbers in place of names; name those that the model has, for instance "
            f"by --set '*.categories={pair}'."
        )
    return did_you_mean(wanted.names[0], model.names, f"the model's {what}")


def _pair(
    model: _Classes, ours: Sequence[int], wanted: _Classes, theirs: Sequence[int], dataset: Dataset
) -> dict[int, int]:
    """Pairs classes of one name: the only ones, else those of one id, else in their order.

    Raises:
        InputError: they cannot be told apart.
    """
    if len(ours) == len(theirs) == 1:
        return {ours[0]: theirs[0]}
    if model.own_ids and wanted.own_ids:
        by_id = {wanted.own_ids[at]: at for at in theirs}
        pairs = {at: by_id[model.own_ids[at]] for at in ours if model.own_ids[at] in by_id}
        if pairs:
            return pairs
    if len(ours) == len(theirs):
        return dict(zip(ours, theirs, strict=True))
    name = wanted.names[theirs[0]]
    labels = label_names(wanted.names, wanted.own_ids)
    merged = ", ".join(f"'{labels[at]}'" for at in theirs)
    raise InputError(
        f"the model has {len(ours)} classes '{name}' and dataset '{dataset.name}' has "
        f"{len(theirs)}, and their ids do not say which is which; `categories:` of a data file "
        f"merges or selects classes: {{'{name}': [{merged}]}}"
    )


def _log_differences(
    model: _Classes, wanted: _Classes, found: Mapping[int, int], what: str, dataset: Dataset
) -> None:
    """Logs what was matched in spite of its spelling, and what the model does not have."""
    for at, number in found.items():
        if model.names[at] != wanted.names[number]:
            _log.warning(
                "the model's class '%s' is '%s' of dataset '%s'",
                model.names[at],
                wanted.names[number],
                dataset.name,
            )
    known = set(found.values())
    missing = [name for at, name in enumerate(wanted.names) if at not in known]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        _log.warning(
            "the model has not %d of the %s of dataset '%s', which it cannot find: %s",
            len(missing),
            what,
            dataset.name,
            shown,
        )


def count_from_zero(predict: Predict, first_class: int) -> Predict:
    """A function that predicts with classes that count from 0, as those of datasets and names do.

    Args:
        predict: the model.
        first_class: the number of its first class.
    """
    if first_class == 0:
        return predict
    return lambda batch: [_shift(output, first_class) for output in predict(batch)]


def _shift(output: Record, first_class: int) -> Record:
    found = output.get("instances")
    if not isinstance(found, Instances) or not found.has("pred_classes"):
        return output
    shifted = Instances(found.image_size, **found.get_fields())
    shifted.pred_classes = found.pred_classes - first_class
    return {**output, "instances": shifted}


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
