"""The standard experiment of a model and a dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from composer.construction import find_image_format
from composer.data import DatasetDocument, Selection
from composer.discovery import DISTRIBUTION
from composer.documents import (
    DocumentSource,
    ProblemLog,
    SettingsSource,
    as_absolute,
    collect_settings,
)
from composer.errors import InputError
from composer.experiment.experiment import Experiment, check_names, read_experiment
from composer.experiment.model_settings import find_model_parts
from composer.experiment.sections import find_spec
from composer.language import ImageFormat, load_spec, log_notes

_TRAIN, _VALIDATION = "train", "validation"
_SHORT = "val"  # what the latter is often called
_UNSEEN = "test"  # neither trained on nor validated with
_SPECS = (".yaml", ".yml", ".json")
_FOLDS = 5
_SMALLEST = 0.8  # of the model's own image size
_OF_VALIDATION = ("evaluation", "validation")
_ALONE = "there is no validation set; call a dataset 'validation'"

_UNEVALUATED = (
    "there is no validation set, so nothing is evaluated; `composer data split DATA parts.yaml` "
    "divides the data into train and val"
)


def standard_experiment(
    spec: str | os.PathLike[str], data: DocumentSource, *, set: SettingsSource = ()
) -> Experiment:
    """An experiment with the usual training of a model: AdamW, cosine schedule, mirrored images.

    The dataset `train` is the training set, and `validation` (or `val`) the validation set; `train`
    alone is trained on as a whole. One dataset of another name is split: four images of five are
    the training set, the others the validation set; a selection is trained on as a whole. So is
    `train` beside `test`, which stays unseen.

    Args:
        spec: the model, by any name that `Graph.open` takes.
        data: a data file, or its values.
        set: values by address, as for `load_experiment`: `training.iterations`, `lr`, ...

    Raises:
        SpecError: the spec, the data file or a setting has problems; one of `evaluation` or
            `validation` without a validation set is one.
        InputError: the datasets have other names, or the model has no input of images.
    """
    spec, note = find_spec(os.fspath(spec), Path())
    log_notes([note] if note else [])
    source = find_model_parts(spec).spec
    plain = load_spec(source)
    written = _write(spec, plain.name, find_image_format(plain))
    dropped = _list_dropped(set)
    experiment = read_experiment(written, set=set, data=data, without=dropped)
    chosen = _choose(experiment.datasets)
    loaded = load_spec(source, set=experiment.model_settings)
    fitted = _write(spec, plain.name, find_image_format(loaded))
    if _VALIDATION not in chosen:
        log_notes([_UNEVALUATED])
    without = dropped if _VALIDATION in chosen else dict.fromkeys(_OF_VALIDATION, _ALONE)
    if without or fitted != written:
        experiment = read_experiment(fitted, set=set, data=data, without=without)
    experiment = replace(experiment, datasets=chosen)
    check_names(experiment)
    return experiment


def _list_dropped(settings: SettingsSource) -> dict[str, str]:
    """Sections that go with the validation set where a setting takes that away."""
    found = collect_settings(settings, ProblemLog())
    is_dropped = any(one.address == _VALIDATION and one.value.value is None for one in found)
    return {"evaluation": "'validation' is null"} if is_dropped else {}


def _choose(datasets: Mapping[str, DatasetDocument]) -> dict[str, DatasetDocument]:
    """The training set and, if there is one, the validation set."""
    validation = [datasets[name] for name in (_VALIDATION, _SHORT) if name in datasets]
    if _TRAIN in datasets and (validation or len(datasets) == 1):
        found = [datasets[_TRAIN], *validation]
        return dict(zip((_TRAIN, _VALIDATION), found, strict=False))
    if set(datasets) == {_TRAIN, _UNSEEN}:
        return _divide(datasets[_TRAIN])
    if len(datasets) > 1:
        raise InputError(
            f"there are the datasets {', '.join(datasets)}: call the training set '{_TRAIN}' and "
            f"the validation set '{_VALIDATION}', or write an experiment"
        )
    return _divide(*datasets.values())


def _divide(whole: DatasetDocument) -> dict[str, DatasetDocument]:
    """Four fifths to train on and one to validate with, unless the dataset is a selection."""
    if whole.select != Selection():
        return {_TRAIN: whole}
    folds = {_VALIDATION: [0], _TRAIN: list(range(1, _FOLDS))}
    return {
        name: whole.model_copy(update={"select": Selection(folds=parts, of=_FOLDS)})
        for name, parts in folds.items()
    }


def _write(spec: str, name: str, image_format: ImageFormat) -> dict[str, Any]:
    """The values of the experiment."""
    return {
        "composer_experiment": 1,
        "name": name if Path(spec).suffix not in _SPECS else Path(spec).stem,
        "spec": as_absolute(spec),
        "skip_mismatched": True,  # so that weights for other classes can be begun with
        "train": {
            "datasets": [_TRAIN],
            "augmentations": [{"uses": f"{DISTRIBUTION}/random_flip"}, *_resizing(image_format)],
        },
        "validation": {"datasets": [_VALIDATION]},
        "training": {
            "iterations": 1000,
            "optimizer": {"uses": "AdamW", "lr": 0.0001, "weight_decay": 0.01},
            "schedule": {"uses": "cosine", "warmup": {"iterations": 0.1}},
            "clip": {"norm": 10.0},
        },
        "evaluation": {"every": 250},
    }


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
    return [{"uses": f"{DISTRIBUTION}/resize_shortest_edge", "with": sizes}]
