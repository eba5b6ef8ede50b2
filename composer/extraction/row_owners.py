"""Which boxes the rows of a value belong to, as the types of the ports say it.

A value belongs to the images of a batch, to cells of maps by level, to anchors, to object queries,
or to rows: one for each of some boxes. Those boxes are called by the slot that they come from.
Boxes, or instances, that say by `Indices` which of a node's regions, anchors or queries they were
made of lead back to these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple, get_args, get_origin

from torch import Tensor

from composer.blueprint import Blueprint, Node, Slot
from composer.dag import order
from composer.language import Mode
from composer.node import meaning, members, plain
from composer.structures import (
    BitMasks,
    Boxes,
    Instances,
    Keypoints,
    PolygonMasks,
    ROIMasks,
    RotatedBoxes,
    has_kept_rows,
)

Kind = Literal["images", "levels", "anchors", "queries", "rows"]

_MODE: Mode = "inference"
_ROWS_OF: Mapping[Kind, Literal["anchor", "query"]] = {"anchors": "anchor", "queries": "query"}
_BOXES = (Boxes, RotatedBoxes)
_ROWS = (*_BOXES, Instances, Keypoints, BitMasks, PolygonMasks, ROIMasks)


class Origin(NamedTuple):
    """Where boxes come from.

    Args:
        indices: the slot that says for each box which row of the source it was made of.
        source: the slot of the boxes, of the anchors, or of predictions of the queries, that they
            were made of.
        what: what a row of the source is.
    """

    indices: Slot
    source: Slot
    what: Literal["region", "anchor", "query"] = "region"

    @property
    def is_of_anchors(self) -> bool:
        """Whether the source is that of anchors."""
        return self.what == "anchor"


class RowOwners:
    """The owners of the rows of all values in inference.

    Args:
        blueprint: a checked spec.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self._dependencies = blueprint.dependencies(_MODE)
        self._kinds: dict[Slot, Kind] = {}
        self._owners: dict[Slot, Slot | None] = {}
        graph = self._dependencies.graph
        for vertex in order(graph, [*graph], self._dependencies.rank):  # no deep recursion then
            if isinstance(vertex, Slot):
                self.find_owner(vertex)

    def find_kind(self, slot: Slot) -> Kind:
        """What a value has one entry for."""
        if slot not in self._kinds:
            self._kinds[slot] = self._read_kind(slot)
        return self._kinds[slot]

    def find_owner(self, slot: Slot) -> Slot | None:
        """The boxes that the rows of a value belong to; None if it has none, or it is not known."""
        if slot not in self._owners:
            self._owners[slot] = self._trace(slot)
        return self._owners[slot]

    def find_origin(self, boxes: Slot) -> Origin | None:
        """What boxes were made of; None if their node says nothing about it."""
        node = self._dependencies.nodes.get(boxes.path)
        if node is None or boxes not in self._boxes_of(node):
            return None
        for slot in node.slots:
            if is_list_of(self._type(slot), "Indices"):
                for source in self._sources(node):
                    return Origin(slot, source, _ROWS_OF.get(self.find_kind(source), "region"))
        return None

    def list_origins(self, boxes: Slot) -> Iterator[Origin]:
        """The way back from boxes, step by step."""
        while (origin := self.find_origin(boxes)) is not None:
            yield origin
            boxes = origin.source

    def are_boxes(self, slot: Slot) -> bool:
        """Whether a value has boxes for each image."""
        return is_list_of(self._type(slot), *_BOXES)

    def find_image_dim(self, slot: Slot) -> int:
        """The dimension of a tensor that has an entry for each image."""
        letters = _find_letters(self._type(slot)) or ()
        return letters.index("N") if "N" in letters else 0

    def is_of_queries(self, slot: Slot, node_path: str) -> bool:
        """Whether a value has a row for each of the queries that a node reads.

        Nodes give what they make of queries in the order of these.
        """
        found = self._arguments(self._dependencies.nodes[node_path])
        seen: set[Slot] = set()
        while found:
            argument = found.pop()
            if argument in seen or self.find_kind(argument) != "queries":
                continue
            seen.add(argument)
            node = self._dependencies.nodes[argument.path]
            seen.update(each for each in node.slots if self.find_kind(each) == "queries")
            found += self._arguments(node)
        return slot in seen

    def find_port(self, boxes: Slot, meaning_: str) -> Slot | None:
        """The output beside some boxes that has a value of a meaning for each of them."""
        node = self._dependencies.nodes.get(boxes.path)
        found = () if node is None else node.slots
        return next((slot for slot in found if is_list_of(self._type(slot), meaning_)), None)

    def _read_kind(self, slot: Slot) -> Kind:
        kind = self._type(slot)
        mark = meaning(kind)
        bare = plain(kind)
        if mark is not None and mark.name == "Anchors":
            return "anchors"
        if get_origin(bare) is list:
            return self._read_list(slot, bare, is_marked=mark is not None)
        if get_origin(bare) is dict or slot.path not in self._dependencies.nodes:
            return "images"
        letters = _find_letters(kind)
        if letters is None:
            is_of_rows = bare in (Tensor, Any) and self._owners_of(slot)
            return "rows" if is_of_rows else "images"
        if ("N", "Q") in pairwise(letters):
            return "queries"
        if letters[:1] == ("R",):
            return "rows"
        return "images"

    def _read_list(self, slot: Slot, bare: Any, *, is_marked: bool) -> Kind:
        item = get_args(bare)[0] if get_args(bare) else Any
        if (_find_letters(item) or ())[:1] == ("N",):
            return "levels"
        if is_marked:
            return "images"
        members_ = [*_flat(item)]
        are_structures = all(isinstance(one, type) and issubclass(one, _ROWS) for one in members_)
        if are_structures or self._boxes_at(slot):
            return "rows"
        is_tensor = all(one is Tensor for one in members_)
        return "rows" if is_tensor and self._owners_of(slot) else "images"

    def _trace(self, slot: Slot) -> Slot | None:
        node = self._dependencies.nodes.get(slot.path)
        if node is None or self.find_kind(slot) != "rows":
            return None
        if boxes := self._boxes_at(slot):
            return boxes[0]
        if is_list_of(self._type(slot), Instances) and self._takes_instances(node):
            return slot
        owners = self._owners_of(slot)
        return owners[0] if len(owners) == 1 else None

    def _boxes_at(self, slot: Slot) -> list[Slot]:
        """The boxes that a node makes beside a value, which are regions of their own."""
        node = self._dependencies.nodes.get(slot.path)
        return [] if node is None else self._boxes_of(node)

    def _boxes_of(self, node: Node) -> list[Slot]:
        if node.contract is not None and has_kept_rows(node.contract.target):
            return []
        boxes = [slot for slot in node.slots if is_list_of(self._type(slot), *_BOXES)]
        if boxes or not any(is_list_of(self._type(slot), "Indices") for slot in node.slots):
            return boxes
        return [slot for slot in node.slots if is_list_of(self._type(slot), Instances)]

    def _takes_instances(self, node: Node) -> bool:
        return any(is_list_of(self._type(slot), Instances) for slot in self._arguments(node))

    def _owners_of(self, slot: Slot) -> list[Slot]:
        """The boxes that the rows of a node's arguments belong to."""
        node = self._dependencies.nodes[slot.path]
        owners = [self.find_owner(argument) for argument in self._arguments(node)]
        return list(dict.fromkeys(owner for owner in owners if owner is not None))

    def _sources(self, node: Node) -> Iterator[Slot]:
        for slot in self._arguments(node):
            if self.find_kind(slot) in _ROWS_OF:
                yield slot
            elif is_list_of(self._type(slot), *_BOXES):
                owner = self.find_owner(slot)
                if owner is not None:
                    yield owner

    def _arguments(self, node: Node) -> list[Slot]:
        return [slot for end in node.arguments[_MODE].values() for slot in end.slots]

    def _type(self, slot: Slot) -> Any:
        return self._dependencies.type_of(slot)


def is_list_of(kind: Any, *wanted: str | type) -> bool:
    """Whether a port has a value for each image, of some classes or meanings.

    Args:
        kind: the type of the port.
        wanted: classes, or names of port types.
    """
    bare = plain(kind)
    if meaning(kind) is not None or get_origin(bare) is not list or not get_args(bare):
        return False
    item = get_args(bare)[0]
    mark = meaning(item)
    names = {one for one in wanted if isinstance(one, str)}
    if mark is not None:
        return mark.name in names and mark.package == "composer"
    classes = tuple(one for one in wanted if isinstance(one, type))
    return all(isinstance(one, type) and issubclass(one, classes) for one in _flat(item))


def _flat(kind: Any) -> Iterable[Any]:
    return [plain(one) for one in members(plain(kind))]


@lru_cache(maxsize=1024)
def _find_letters(kind: Any) -> tuple[str, ...] | None:
    """The dimensions of a port type, such as `N` or `R`; None without a shape."""
    while True:
        letters = getattr(kind, "dim_str", None)
        if letters is not None:
            return tuple(letters.split())
        inner = get_args(kind)
        if get_origin(kind) is None or not inner:
            return None
        kind = inner[-1] if get_origin(kind) is dict else inner[0]
