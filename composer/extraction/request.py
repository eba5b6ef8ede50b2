"""What is asked for: values by name, and what their rows are to be."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, get_origin

from composer.blueprint import Names, Slot, Target, listed
from composer.errors import InputError, NameResolutionError
from composer.extraction.result_path import ResultPath, find_result_path
from composer.extraction.row_owners import Kind, Origin, RowOwners
from composer.graph import Graph
from composer.language import Mode
from composer.names import did_you_mean
from composer.node import plain
from composer.structures import ImageList

Per = Literal["image", "region", "detection"]

_MODE: Mode = "inference"


@dataclass(frozen=True)
class Wanted:
    """One value that is asked for.

    Args:
        name: as it was given; the name of its column.
        target: what the name means.
        kind: what it has one entry for.
        route: from the rows that are asked for to those of the value, step by step.
        maps: where the route leads to anchors: whether it is the features that they lie on, by
            level, instead of predictions for each of them.
        level: the entry of the value that is asked for, of feature maps by level; all if empty.
        image_dim: the dimension of a tensor that has an entry for each image.
        is_result: whether it is the instances that the model returns.
    """

    name: str
    target: Target
    kind: Kind
    route: tuple[Origin, ...] = ()
    maps: bool = False
    level: str = ""
    image_dim: int = 0
    is_result: bool = False

    @property
    def source(self) -> str:
        """The full name of what is in the column."""
        return f"{self.target.name}.{self.level}" if self.level else self.target.name

    def pick(self, value: Any) -> Any:
        """The part of the target's value that is asked for.

        Raises:
            InputError: the maps have no such level.
        """
        if not self.level:
            return value
        if self.level not in value:
            hint = did_you_mean(self.level, value, "levels")
            raise InputError(f"'{self.target.name}' has no level '{self.level}'. {hint}")
        return value[self.level]


@dataclass(frozen=True)
class Request:
    """What is computed for an image, and how its rows are found.

    Args:
        per: what a row is.
        wanted: the values.
        rows: the boxes whose rows are asked for; of regions and detections.
        results: the way of detections to what the model returns; of detections.
        origin: what the rows themselves were made of, where it is known.
        scores: of regions, the slot of their objectness, if there is one.
        images: the slot of the images, for their sizes.
    """

    per: Per
    wanted: tuple[Wanted, ...]
    rows: Slot | None = None
    results: ResultPath | None = None
    origin: Origin | None = None
    scores: Slot | None = None
    images: Slot | None = None

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots that have to be computed beside the values."""
        slots: list[Slot] = list(self.results.needed) if self.results is not None else []
        slots += [slot for slot in (self.rows, self.scores, self.images) if slot is not None]
        for origin in [one for wanted in self.wanted for one in wanted.route]:
            slots += [origin.indices, origin.source]
        if self.origin is not None:
            slots.append(self.origin.indices)
        return tuple(dict.fromkeys(slots))

    @property
    def names(self) -> list[str]:
        """All names to run until."""
        return list(
            dict.fromkeys([*(one.target.name for one in self.wanted), *map(str, self.slots)])
        )


def make_request(graph: Graph, until: Names | None, per: str) -> Request:
    """Reads what is asked for.

    Args:
        graph: the model.
        until: nodes, ports or taps; only of detections and regions none at all.
        per: `image`, `region` or `detection`.

    Raises:
        InputError: there is no such `per`, or a value has no rows of that kind.
        NameResolutionError: a name means nothing or several things.
    """
    if _MODE not in graph.blueprint.modes:
        raise InputError(f"'{graph.spec.name}' has no inference, whose values could be collected")
    owners = RowOwners(graph.blueprint)
    names = [] if until is None else list(dict.fromkeys(listed(until)))
    found = {name: _resolve(graph, name) for name in names}
    targets = {name: target for name, (target, _) in found.items()}
    levels = {name: level for name, (_, level) in found.items()}
    for name, target in targets.items():
        if target.endpoint.gathers and not target.tap:
            shown = ", ".join(map(str, target.endpoint.slots))
            raise InputError(f"'{name}' stands for several values; name them: {shown}")
    if per == "image":
        request = _per_image(targets, owners)
    elif per == "region":
        request = _per_region(graph, targets, owners)
    elif per == "detection":
        request = _per_detection(graph, targets, owners)
    else:
        raise InputError(f"a row is one per 'image', 'region' or 'detection', not {per!r}")
    wanted = tuple(
        [
            replace(one, level=levels[one.name], image_dim=_find_image_dim(one.target, owners))
            for one in request.wanted
        ]
    )
    for one in wanted:
        if one.level and one.maps:
            raise InputError(
                f"'{one.name}' is one level; a detection lies on any of them: collect "
                f"'{one.target.name}'"
            )
    return replace(request, wanted=wanted)


def _find_image_dim(target: Target, owners: RowOwners) -> int:
    return 0 if target.tap else owners.find_image_dim(target.slot)


def _resolve(graph: Graph, name: str) -> tuple[Target, str]:
    """What a name means: a node, port or tap; or a level of feature maps, `backbone.p3`.

    Raises:
        NameResolutionError: it means nothing or several things.
    """
    book = graph.blueprint.book(_MODE)
    try:
        return book.resolve(name), ""
    except NameResolutionError:
        before, _, level = str(name).rpartition(".")
        if not before or ":" in str(name):
            raise
        with suppress(NameResolutionError):
            target = book.resolve(before)
            kind = graph.blueprint.dependencies(_MODE).type_of(target.slot)
            if len(target.endpoint.slots) == 1 and get_origin(plain(kind)) is dict:
                return target, level
        raise


def _per_image(targets: dict[str, Target], owners: RowOwners) -> Request:
    if not targets:
        raise InputError("name at least one node or port to collect: until='box_head'")
    wanted = [Wanted(name, one, owners.find_kind(one.slot)) for name, one in targets.items()]
    return Request("image", tuple(wanted))


def _per_region(graph: Graph, targets: dict[str, Target], owners: RowOwners) -> Request:
    own = {name: owners.find_owner(target.slot) for name, target in targets.items()}
    for name, owner in own.items():
        if owner is None:
            raise InputError(_describe_rowless(name, targets[name], owners, "region"))
    found = list(dict.fromkeys(owner for owner in own.values() if owner is not None))
    if not targets:
        results = find_result_path(graph.blueprint, owners)
        boxes = None if results is None else results.boxes
        origins = [] if boxes is None else [*owners.list_origins(boxes)]
        found = [origins[-1].source] if origins and origins[-1].what == "region" else []
        if not found:
            raise InputError(f"'{graph.spec.name}' has no regions that detections come from")
    if len(found) > 1:
        names = {str(owner): next(n for n, one in own.items() if one == owner) for owner in found}
        shown = ", ".join(f"'{name}' those of {owner}" for owner, name in names.items())
        raise InputError(
            f"the values have rows of different regions: {shown}; collect them one after the "
            "other, or per detection"
        )
    wanted = tuple([Wanted(name, target, "rows") for name, target in targets.items()])
    rows = found[0]
    if not owners.are_boxes(rows):
        raise InputError(
            f"'{next(iter(targets))}' has rows of the instances {rows}, not of regions; collect "
            "it per detection"
        )
    origin = owners.find_origin(rows)
    scores = owners.find_port(rows, "Scores")
    return Request("region", wanted, rows, None, origin, scores, _find_images(graph))


def _per_detection(graph: Graph, targets: dict[str, Target], owners: RowOwners) -> Request:
    results = find_result_path(graph.blueprint, owners)
    if results is None:
        raise InputError(
            f"'{graph.spec.name}' returns no 'instances', so there are no detections; "
            "collect per image or per region"
        )
    if results.boxes is None and targets:
        raise InputError(
            f"'{results.first.path}' does not say which rows its detections come from: a node "
            "with boxes or instances has a port of Indices beside them; collect per image instead"
        )
    wanted = [_route(name, target, results, owners, graph) for name, target in targets.items()]
    origin = None if results.boxes is None else owners.find_origin(results.boxes)
    if any(one.is_result for one in wanted):
        results = results.with_all_fields()
    return Request("detection", tuple(wanted), results.boxes, results, origin)


def _route(
    name: str, target: Target, results: ResultPath, owners: RowOwners, graph: Graph
) -> Wanted:
    """The way from detections to a value's rows.

    Raises:
        InputError: there is none.
    """
    assert results.boxes is not None
    kind, owner = owners.find_kind(target.slot), owners.find_owner(target.slot)
    if owner is not None and owner in (results.boxes, results.first):
        return Wanted(name, target, kind)
    if owner == results.last and target.slot == results.last and not target.tap:
        return Wanted(name, target, kind, is_result=True)
    route: list[Origin] = []
    for origin in owners.list_origins(results.boxes):
        route.append(origin)
        if owner == origin.source:
            return Wanted(name, target, kind, tuple(route))
        is_of_query = origin.what == "query" and kind == "queries" and not target.tap
        if is_of_query and owners.is_of_queries(target.slot, results.first.path):
            return Wanted(name, target, kind, tuple(route))
        if origin.is_of_anchors and not target.tap:
            if kind == "levels":
                return Wanted(name, target, kind, tuple(route))
            if kind == "images" and _reads(graph, origin.source.path, target.slot):
                return Wanted(name, target, kind, tuple(route), maps=True)
    raise InputError(_describe_rowless(name, target, owners, "detection"))


def _reads(graph: Graph, path: str, slot: Slot) -> bool:
    arguments = graph.blueprint.nodes[path].arguments[_MODE].values()
    return any(slot in end.slots for end in arguments)


def _find_images(graph: Graph) -> Slot | None:
    types = graph.blueprint.dependencies(_MODE)
    slots: Sequence[Slot] = [slot for node in types.nodes.values() for slot in node.slots]
    return next((slot for slot in slots if types.type_of(slot) is ImageList), None)


def _describe_rowless(name: str, target: Target, owners: RowOwners, per: str) -> str:
    kind = owners.find_kind(target.slot)
    if kind == "rows":
        owner = owners.find_owner(target.slot)
        whose = "boxes that are not known" if owner is None else str(owner)
        return (
            f"'{name}' ({target.name}) has rows of {whose}, which do not lead to a row per {per}; "
            "collect it per image"
        )
    what = {
        "images": "an image",
        "levels": "a cell of its maps",
        "anchors": "an anchor",
        "queries": "an object query",
    }[kind]
    return f"'{name}' ({target.name}) has one value {what}, not one a {per}; collect it per image"
