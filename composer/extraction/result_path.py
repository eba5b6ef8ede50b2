"""From detections to what a model returns: results are scaled, and some are dropped on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from composer.blueprint import Blueprint, Slot
from composer.errors import InputError
from composer.extraction.row_owners import RowOwners, is_list_of
from composer.graph import Graph
from composer.language import Mode
from composer.structures import Boxes, ImageList, Instances, RotatedBoxes

ROW = "composer_row"  # the field that says which detection an instance is
_MODE: Mode = "inference"
_FIELDS = {"scores": "Scores", "pred_classes": "Classes"}


class ResultPath(NamedTuple):
    """The way of detections to the instances that a model returns.

    Args:
        first: the first instances, in the resolution of the network.
        last: those that the model returns.
        boxes: the boxes that rows of the first belong to; None if that is not known.
        fields: fields of the first by name, with the slots that they are made of; empty if the
            first have to be computed whole.
        images: the images, for their sizes, with `fields`.
        given: what nodes on the way read besides.
    """

    first: Slot
    last: Slot
    boxes: Slot | None
    fields: Mapping[str, Slot]
    images: Slot | None
    given: tuple[Slot, ...]

    @property
    def needed(self) -> tuple[Slot, ...]:
        """What has to be computed for `follow`."""
        own = (self.first,) if self.images is None else (*self.fields.values(), self.images)
        return (*own, *self.given)

    def with_all_fields(self) -> ResultPath:
        """The same way for instances with all of their fields, such as masks."""
        return self._replace(fields={}, images=None)

    def follow(self, graph: Graph, batch: Any, values: Mapping[str, Any]) -> Instances:
        """The instances of one image as the model returns them, each with its row.

        Args:
            graph: the model.
            batch: the image.
            values: those of `needed`, by the names of their slots.

        Raises:
            InputError: the model makes instances anew, so that their rows are not known.
        """
        numbered = self._number(values)
        if self.first == self.last:
            return numbered
        feeds = {str(slot): values[str(slot)] for slot in self.given}
        feeds[str(self.first)] = [numbered]
        found: Instances = graph.run(batch, until=str(self.last), feeds=feeds, mode=_MODE, seed=0)[
            0
        ]
        if not found.has(ROW) and len(found) == len(numbered):
            found = Instances(found.image_size, **found.get_fields())
            found.set(ROW, numbered.get(ROW))
        if not found.has(ROW):
            raise InputError(
                f"'{self.last.path}' drops the fields of instances, so it is not known which "
                "detections are left: it should index the instances that it is given"
            )
        return found

    def _number(self, values: Mapping[str, Any]) -> Instances:
        if self.images is None:
            found: Instances = values[str(self.first)][0]
            numbered = Instances(found.image_size, **found.get_fields())
        else:
            images: ImageList = values[str(self.images)]
            parts = {name: values[str(slot)][0] for name, slot in self.fields.items()}
            numbered = Instances(images.image_sizes[0], **parts)
        some: Tensor | None = next(iter(numbered.tensors()), None)
        device = None if some is None else some.device
        numbered.set(ROW, torch.arange(len(numbered), device=device))
        return numbered


def find_result_path(blueprint: Blueprint, owners: RowOwners) -> ResultPath | None:
    """The way of detections to a model's instances; None if it returns none.

    Args:
        blueprint: the checked spec of the model.
        owners: its owners of rows.
    """
    types = blueprint.dependencies(_MODE)
    last = next(
        (
            slot
            for name, end in blueprint.outputs.get(_MODE, {}).items()
            for slot in end.slots
            if name == "instances" and is_list_of(types.type_of(slot), Instances)
        ),
        None,
    )
    if last is None or last.path not in types.nodes:
        return None
    first, given = last, []
    while True:
        arguments = [
            s for end in types.nodes[first.path].arguments[_MODE].values() for s in end.slots
        ]
        before = [slot for slot in arguments if is_list_of(types.type_of(slot), Instances)]
        if len(before) != 1 or before[0].path not in types.nodes:
            break
        given += [slot for slot in arguments if slot != before[0] and slot.path in types.nodes]
        first = before[0]
    fields = _find_fields(types, arguments)
    images = _find_images(types, arguments)
    is_known = images is not None and len(fields) == 1 + len(_FIELDS)
    return ResultPath(
        first,
        last,
        owners.find_owner(first),
        fields if is_known else {},
        images if is_known else None,
        tuple(dict.fromkeys(given)),
    )


def _find_fields(types: Any, arguments: list[Slot]) -> dict[str, Slot]:
    """What boxes, scores and classes of instances are made of."""
    wanted: dict[str, tuple[str | type, ...]] = {"pred_boxes": (Boxes, RotatedBoxes)}
    wanted |= {name: (meaning,) for name, meaning in _FIELDS.items()}
    found = {
        name: [slot for slot in arguments if is_list_of(types.type_of(slot), *kinds)]
        for name, kinds in wanted.items()
    }
    return {name: slots[0] for name, slots in found.items() if len(slots) == 1}


def _find_images(types: Any, arguments: list[Slot]) -> Slot | None:
    return next((slot for slot in arguments if types.type_of(slot) is ImageList), None)
