"""The model of an experiment: its spec, fitted to the datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from composer.data import Metadata
from composer.errors import InputError
from composer.experiment.experiment import Experiment
from composer.experiment.model_settings import find_model_parts
from composer.language import (
    LANGUAGE_VERSION,
    NamedSpec,
    SavedSpec,
    Spec,
    SpecMetadata,
    SpecSource,
    load_spec,
)

# Params of specs that count what datasets name.
_COUNTED = {
    "num_classes": "thing_classes",
    "sem_seg_num_classes": "stuff_classes",
    "num_keypoints": "keypoint_names",
}
_FIRST = "first_class"  # the number of the first class, a param of specs, too
_WORDS = {
    "thing_classes": "classes",
    "stuff_classes": "classes of stuff",
    "keypoint_names": "keypoints",
}


def fit_spec(
    experiment: Experiment, metadata: Metadata, settings: Mapping[str, Any] | None = None
) -> Spec:
    """The spec of an experiment with its settings, frozen nodes, and names of classes.

    Params that the experiment does not set follow the datasets, as far as the spec has them and
    the datasets name what they count: `num_classes` is the number of thing classes,
    `sem_seg_num_classes` that of stuff classes, `num_keypoints` that of keypoints. `first_class`
    is 0, from which datasets count.

    Args:
        experiment: the experiment.
        metadata: of the training set.
        settings: further values by address, which those of the experiment override.

    Raises:
        SpecError: with all problems of the spec.
        InputError: a number that the experiment sets is not that of the datasets.
    """
    freeze = experiment.document.freeze
    source = find_model_parts(experiment.spec).spec
    plain = load_spec(source)
    counts = _count_names(metadata, plain)
    _check_counts(experiment, counts)
    if freeze:
        frozen = list(dict.fromkeys([*plain.freeze, *freeze]))
        source = _with_freeze(source, frozen)
    first = {_FIRST: 0} if _FIRST in plain.params else {}
    values = {**counts, **first, **(settings or {})}
    spec = load_spec(source, set=[*values.items(), *experiment.model_settings])
    named, own = name_classes(metadata), plain.metadata
    if own.image_counts and own.thing_classes == named.thing_classes:
        named = named.model_copy(update={"image_counts": own.image_counts})
    return spec.with_metadata(named)


def _with_freeze(source: SpecSource, frozen: Sequence[str]) -> SpecSource:
    """The spec with other frozen parts."""
    if isinstance(source, (SavedSpec, NamedSpec)):
        return replace(source, document={**source.document, "freeze": list(frozen)})
    if isinstance(source, Mapping):
        return {**source, "freeze": list(frozen)}
    return {"composer": LANGUAGE_VERSION, "extends": source, "freeze": list(frozen)}


def _count_names(metadata: Metadata, spec: Spec) -> dict[str, int]:
    """The numbers of classes and keypoints of the datasets, for the params of a spec."""
    counts = {param: len(getattr(metadata, names)) for param, names in _COUNTED.items()}
    known = {*spec.params, *spec.resolved.aliases}
    return {
        param: count
        for param, count in counts.items()
        if count and param in known and spec.params.get(param, count) is not None
    }


def _check_counts(experiment: Experiment, counts: Mapping[str, int]) -> None:
    given = {setting.address: setting for setting in experiment.model_settings}
    for param, count in counts.items():
        if param in given and (value := given[param].value.plain()) != count:
            raise InputError(
                f"{given[param].place}: 'model.{param}' is set to {value}, but the "
                f"datasets have {count} {_WORDS[_COUNTED[param]]}"
            )


def name_classes(metadata: Metadata) -> SpecMetadata:
    """Classes and keypoints of datasets in the form of specs."""
    names = metadata.keypoint_names
    return SpecMetadata(
        thing_classes=metadata.thing_classes,
        stuff_classes=metadata.stuff_classes,
        thing_ids=metadata.thing_ids,
        stuff_ids=metadata.stuff_ids,
        keypoint_names=names,
        keypoint_flip_pairs=tuple((names[a], names[b]) for a, b in metadata.keypoint_flip_pairs),
        thing_colors=metadata.thing_colors,
        stuff_colors=metadata.stuff_colors,
    )
