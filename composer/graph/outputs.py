"""Puts the outputs of a full run into the form that users of detectors expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_origin

from composer.blueprint import Blueprint, Dependencies, Endpoint
from composer.errors import InputError
from composer.language import Mode
from composer.node import are_same, meaning, plain
from composer.structures import Losses


def pack_outputs(blueprint: Blueprint, mode: Mode, found: Sequence[Any]) -> Any:
    """The outputs of a full run; those of a part are given as they are.

    Losses become one dict of losses by name. Outputs that all have one item per image become
    `list[dict]`: for each image, the items by output name. Anything else is a dict by output name.

    Args:
        blueprint: the blueprint that the outputs belong to.
        mode: the mode of the run.
        found: the values of the outputs, in order.

    Raises:
        InputError: if two nodes give a loss of one name, or the numbers of images differ.
    """
    names = blueprint.outputs[mode].keys()  # without .keys(), torch.compile does not guard them
    outputs = dict(zip(names, found, strict=True))
    if blueprint.is_part:
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs
    ends, types = blueprint.outputs[mode], blueprint.dependencies(mode)
    are_losses = {name: _are_losses(types, end) for name, end in ends.items()}
    for name, value in outputs.items():
        if ends[name].gathers and are_losses[name]:
            outputs[name] = _merged(value)
    if outputs and all(are_losses.values()):
        return _merged(list(outputs.values()))
    if outputs and all(_is_per_image(types, end) for end in ends.values()):
        return _records(outputs)
    return outputs


def _are_losses(types: Dependencies, endpoint: Endpoint) -> bool:
    marks = [meaning(types.type_of(slot)) for slot in endpoint.slots]
    losses = meaning(Losses)
    return all(mark and losses and are_same(mark, losses) for mark in marks)


def _is_per_image(types: Dependencies, endpoint: Endpoint) -> bool:
    if endpoint.gathers:
        return False
    kind = types.type_of(endpoint.slots[0])
    return meaning(kind) is None and get_origin(plain(kind)) is list


def _merged(parts: list[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        for name in part:
            if name in merged:
                raise InputError(f"two nodes give a loss called '{name}'")
        merged.update(part)
    return merged


def _records(outputs: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    counts = {name: len(items) for name, items in outputs.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"the outputs have different numbers of images: {counts}")
    return [dict(zip(outputs, items, strict=True)) for items in zip(*outputs.values(), strict=True)]
