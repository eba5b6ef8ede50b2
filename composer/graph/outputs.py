"""Puts the outputs of a full run into the form that users of detectors expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

from composer.errors import InputError
from composer.node import meaning, plain
from composer.plan import Endpoint, Wiring


def pack_outputs(wiring: Wiring, found: Mapping[str, Any]) -> Any:
    """The outputs of a full run.

    Losses become one dict of losses by name. Outputs that all have one item per image become
    `list[dict]`: for each image, the items by output name. Anything else is a dict by output name.

    Args:
        wiring: the wiring that the outputs belong to.
        found: the values by output name.

    Raises:
        InputError: if two nodes give a loss of one name, or the numbers of images differ.
    """
    outputs = {name: _value(wiring, name, value) for name, value in found.items()}
    if outputs and all(_are_losses(wiring, end) for end in wiring.outputs.values()):
        return _merged(list(outputs.values()))
    if outputs and all(_is_per_image(wiring, end) for end in wiring.outputs.values()):
        return _records(outputs)
    return outputs


def _value(wiring: Wiring, name: str, value: Any) -> Any:
    endpoint = wiring.outputs[name]
    return _merged(value) if endpoint.gathers and _are_losses(wiring, endpoint) else value


def _are_losses(wiring: Wiring, endpoint: Endpoint) -> bool:
    marks = [meaning(wiring.type_of(slot)) for slot in endpoint.slots]
    return all(mark is not None and mark.name == "Losses" for mark in marks)


def _is_per_image(wiring: Wiring, endpoint: Endpoint) -> bool:
    if endpoint.gathers:
        return False
    kind = wiring.type_of(endpoint.slots[0])
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
