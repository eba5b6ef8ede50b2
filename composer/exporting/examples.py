"""Runs of a graph that its exported files are made from and compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from composer.blueprint import Names, Plan, Slot, listed, make_plan
from composer.data import find_images, read_image
from composer.errors import InputError
from composer.graph import Graph
from composer.graph.inputs import bind_inputs
from composer.language import Mode
from composer.structures import ImageBatch

_NOTHING: Mapping[Slot, Any] = MappingProxyType({})
_EXAMPLE = "astronaut.jpg"  # the photograph that ships, for checkpoints, which name none
_KEPT = ("image",)  # an exported file has images in their own size, and nothing to compare with
_SMALLER = (0.7, 0.85)  # of height and width: the second size of an image
_CORNER = 96  # pixels, which have fewer regions than a detector takes of an image


def read_example_inputs(graph: Graph, names: Sequence[str]) -> dict[str, Any]:
    """The examples of a spec, for inputs of a graph.

    Raises:
        InputError: an input has no example.
    """
    declared, found = graph.spec.graph.inputs, {}
    for name in names:
        point = graph.blueprint.inputs["inference"][name]
        example = declared[name].example if name in declared else None
        if name not in declared or (example is None and point.type is not ImageBatch):
            raise InputError(
                f"exporting runs the graph, and '{name}' has no example: give values of it"
            )
        files = find_images(example or _EXAMPLE)
        found[name] = [read_image(file, declared[name].image) for file in files]
    return found


def list_examples(graph: Graph, inputs: Any, names: Sequence[str]) -> list[dict[str, Any]]:
    """The inputs of several runs by name: each image by itself, and the first in a second size.

    Args:
        graph: the graph.
        inputs: what `Graph.run` takes; the spec's examples if None.
        names: the inputs that are needed.

    Raises:
        InputError: something does not fit, or there are no images.
    """
    if inputs is None:
        given = read_example_inputs(graph, names)
    else:
        given = bind_inputs(graph.blueprint.inputs["inference"], (inputs,), {})
    batches = {name: _images(graph, name, given[name]) for name in names if name in given}
    lists = {name: images for name, images in batches.items() if images is not None}
    others = {name: value for name, value in given.items() if lists.get(name) is None}
    if not lists:
        return [others]
    counts = {len(images) for images in lists.values()}
    if len(counts) > 1 or 0 in counts:
        raise InputError("exporting takes the same number of images for each input, one at least")
    runs = [
        {**others, **{name: [images[row]] for name, images in lists.items()}}
        for row in range(counts.pop())
    ]
    smaller = {name: [_crop(images[0])] for name, images in lists.items()}
    return [*runs, {**others, **smaller}]


def list_pairs(examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The first and the last example together, for files of more than one image."""
    first, last = examples[0], examples[-1]
    paired = {
        name: [*value, *last[name]] if isinstance(value, list) else value
        for name, value in first.items()
    }
    return [paired] if paired != dict(first) else []


def cut_corner(inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The inputs of one run with a corner of each image; None if there is nothing to cut."""
    images = {name: value for name, value in inputs.items() if _has_images(value)}
    found = {name: [_cut(each, (_CORNER, _CORNER)) for each in images[name]] for name in images}
    pairs = [
        (one, other)
        for name in images
        for one, other in zip(images[name], found[name], strict=True)
    ]
    is_cut = any(one["image"].shape != other["image"].shape for one, other in pairs)
    return {**inputs, **found} if is_cut else None


def record_values(
    graph: Graph, plan: Plan, inputs: Mapping[str, Any], given: Mapping[Slot, Any] = _NOTHING
) -> dict[Slot, Any]:
    """The values of all slots in one run.

    Args:
        graph: the graph.
        plan: the plan of the run.
        inputs: the inputs by name.
        given: the values of the slots that are fed.
    """
    values = dict(given)
    with torch.no_grad():
        graph._execution.run(plan, values, inputs, seed=0, release=False)
    return values


def plan_recording(graph: Graph, until: Names | None, feeds: Sequence[str]) -> Plan:
    """The plan of a run that keeps every value, from the graph's own inputs on."""
    blueprint = graph.blueprint
    mode: Mode = "inference"
    book = blueprint.book(mode)
    if until is None:
        wanted = list(blueprint.plan(mode).targets)
    else:
        wanted = [book.resolve(name) for name in listed(until)]
    fed = [book.resolve(name) for name in feeds]
    return make_plan(blueprint.dependencies(mode), [*wanted, *fed], keep_all=True)


def _images(graph: Graph, name: str, value: Any) -> list[dict[str, Any]] | None:
    """The records of images that an input takes; None if it takes something else."""
    point = graph.blueprint.inputs["inference"].get(name)
    if point is None or point.type is not ImageBatch:
        return None
    records = list(value) if not isinstance(value, Mapping) else [value]
    return [{key: record[key] for key in _KEPT if key in record} for record in records]


def _has_images(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and "image" in each for each in value
    )


def _crop(record: Mapping[str, Any]) -> dict[str, Any]:
    sides = zip(record["image"].shape[-2:], _SMALLER, strict=True)
    return _cut(record, [max(1, int(side * part)) for side, part in sides])


def _cut(record: Mapping[str, Any], size: Sequence[int]) -> dict[str, Any]:
    image: Tensor = record["image"]
    return {"image": image[:, : size[0], : size[1]].contiguous()}
