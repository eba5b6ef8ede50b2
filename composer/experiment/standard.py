"""The experiment for those who name a model and images only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.construction import find_image_format
from composer.data.data_file import DatasetDocument, Selection
from composer.documents import as_absolute
from composer.errors import InputError
from composer.experiment.experiment import Experiment, load_experiment
from composer.language import ImageFormat, load_spec

_LEARNT, _MEASURED = "train", "validation"
_SHORT = "val"  # what the latter is often called
_FOLDS = 5
_SMALLEST = 0.8  # of the model's own image size
_PARAMS = {
    "iterations": 1000,
    "lr": 0.0001,
    "batch_size": 4,
    "num_workers": 2,
    "rotated_boxes": False,
    "seed": 0,
}


def standard_experiment(
    spec: str | os.PathLike[str],
    datasets: Mapping[str, DatasetDocument],
    *,
    settings: Sequence[str] = (),
) -> Experiment:
    """An experiment that trains a model on datasets the usual way: AdamW, cosine, mirrored images.

    The dataset `train` is learnt from, and `validation` (or `val`) is measured on; `train` alone
    is learnt from, whole. One dataset of another name is divided: four images of five are learnt
    from, the others measured on; all are learnt from if it is a selection itself.

    Args:
        spec: the model: a file, or the name of a spec that ships.
        datasets: the datasets by name.
        settings: `name=value` for `iterations`, `lr`, `batch_size`, `num_workers`, `rotated_boxes`
            and `seed`.

    Raises:
        SpecError: the spec, or a setting, has problems.
        InputError: it is not clear which dataset is learnt from, or the model takes no images.
    """
    chosen = _choose(datasets)
    image_format = find_image_format(load_spec(spec))
    document = _write(os.fspath(spec), image_format, measured=_MEASURED in chosen)
    return load_experiment(document, settings=settings, datasets=chosen)


def _choose(datasets: Mapping[str, DatasetDocument]) -> dict[str, DatasetDocument]:
    """What is learnt from and, if there is something, what is measured on."""
    measured = [datasets[name] for name in (_MEASURED, _SHORT) if name in datasets]
    if _LEARNT in datasets and (measured or len(datasets) == 1):
        return dict(zip((_LEARNT, _MEASURED), [datasets[_LEARNT], *measured], strict=False))
    if len(datasets) > 1:
        raise InputError(
            f"there are the datasets {', '.join(datasets)}: call the one to learn from "
            f"'{_LEARNT}' and the one to measure on '{_MEASURED}', or write an experiment"
        )
    (whole,) = datasets.values()
    if whole.select != Selection():
        return {_LEARNT: whole}
    folds = {_MEASURED: [0], _LEARNT: list(range(1, _FOLDS))}
    return {
        name: whole.model_copy(update={"select": Selection(folds=parts, of=_FOLDS)})
        for name, parts in folds.items()
    }


def _write(spec: str, image_format: ImageFormat, *, measured: bool) -> dict[str, Any]:
    """The document of the experiment."""
    document: dict[str, Any] = {
        "composer_experiment": 1,
        "name": Path(spec).stem,
        "params": _PARAMS,
        "spec": as_absolute(spec),
        "skip_mismatched": True,  # so that weights for other classes can be begun with
        "datasets": {},
        "train": {
            "datasets": [_LEARNT],
            "batch_size": "${batch_size}",
            "num_workers": "${num_workers}",
            "rotated_boxes": "${rotated_boxes}",
            "augmentations": [{"uses": "random_flip"}, *_resizing(image_format)],
        },
        "training": {
            "iterations": "${iterations}",
            "seed": "${seed}",
            "optimizer": {"uses": "AdamW", "lr": "${lr}", "weight_decay": 0.01},
            "schedule": {"uses": "cosine", "warmup": {"iterations": 0.1}},
            "clip": {"norm": 10.0},
        },
    }
    if measured:
        document["validation"] = {
            "datasets": [_MEASURED],
            "num_workers": "${num_workers}",
            "rotated_boxes": "${rotated_boxes}",
        }
        document["evaluation"] = {"every": 250}
    return document


def _resizing(image_format: ImageFormat) -> list[dict[str, Any]]:
    """The model's own image size, and somewhat smaller ones."""
    largest = image_format.shortest_edge
    if not largest:
        return []
    sizes = {
        "shortest_edge": [round(_SMALLEST * largest), largest],
        "longest_edge": image_format.longest_edge,
        "sampling": "range",
    }
    return [{"uses": "resize_shortest_edge", "with": sizes}]
