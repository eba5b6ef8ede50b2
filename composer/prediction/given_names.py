"""Class names for a model without any."""

from __future__ import annotations

import os
from collections.abc import Sequence

from composer.construction import count_classes
from composer.discovery import shipped_folder
from composer.errors import InputError, NameResolutionError, SpecError
from composer.graph import Graph
from composer.language import SpecMetadata, load_spec
from composer.names import did_you_mean

Names = SpecMetadata | str | os.PathLike[str] | Sequence[str]

_FOLDER, _ENDING = "blocks", "_names"


def list_name_sets() -> list[str]:
    """The datasets whose names ship: `coco`, `coco_panoptic`, ..."""
    files = (shipped_folder("specs") / _FOLDER).glob(f"*{_ENDING}.yaml")
    return sorted(file.stem.removesuffix(_ENDING) for file in files)


def require_count(names: SpecMetadata, graph: Graph) -> None:
    """Checks that there are as many names as a model has classes, as far as its nodes say.

    Models without instances have other classes than those of things.

    Args:
        names: the names.
        graph: the model, whose nodes may have the parameter `num_classes`.

    Raises:
        InputError: no node has as many classes as there are names of things.
    """
    if "instances" not in graph.blueprint.outputs.get("inference", ()):
        return
    counts = set(count_classes(graph.blueprint)["thing_classes"].values())
    if names.thing_classes and counts and len(names.thing_classes) not in counts:
        known = " or ".join(map(str, sorted(counts)))
        raise InputError(
            f"names of classes: {len(names.thing_classes)} are given, but '{graph.spec.name}' has "
            f"{known}"
        )


def read_names(names: Names) -> SpecMetadata:
    """Reads class names.

    Args:
        names: those of a dataset that ship (`coco`), a spec with `metadata`, as a file or by name,
            or the names of the classes of instances in order.

    Raises:
        NameResolutionError: there is nothing of that name.
        SpecError: a spec has problems.
        InputError: it has no names.
    """
    if isinstance(names, SpecMetadata):
        return names
    if not isinstance(names, (str, os.PathLike)):
        return SpecMetadata(thing_classes=tuple(names))
    known = list_name_sets()
    if names in known:
        return load_spec(f"{_FOLDER}/{names}{_ENDING}").metadata
    try:
        found = load_spec(names).metadata
    except SpecError as error:
        if os.path.exists(names):
            raise
        hint = did_you_mean(os.fspath(names), known, "names of classes")
        message = f"there are no names of classes '{os.fspath(names)}'. {hint}"
        raise NameResolutionError(message) from error
    if found == SpecMetadata():
        raise InputError(f"'{os.fspath(names)}' is a spec that names no classes: 'metadata'")
    return found
