"""An image, its detections, and the numbers that they are explained by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from composer.blueprint import Slot, Target
from composer.construction import find_first_class
from composer.dag import needed
from composer.errors import InputError, NameResolutionError
from composer.evaluation import count_from_zero
from composer.extraction import RowOwners, is_list_of
from composer.graph import Graph, Session, parse_part
from composer.language import SpecMetadata
from composer.names import closest, did_you_mean
from composer.node import meaning
from composer.plurals import count_noun
from composer.structures import Boxes, Instances, RotatedBoxes
from composer.visualization import ClassNames

_LOGITS = ("ClassLogits", "AnchorLogits", "QueryLogits")
_KEYPOINT = "keypoint"
NUMBERS = ("score", "logit", "mask", _KEYPOINT)  # of a detection
_OF_ROWS = ("mask", _KEYPOINT)  # numbers that are computed from the detection alone
_SAME = 1e-3  # the relative difference up to which a number is the same without the others


@dataclass(frozen=True)
class Detection:
    """A detection that is explained.

    Args:
        index: its number among those that are shown, from 0 on.
        place: its number among all that the graph gives.
        class_name: the name of its class.
        score: its score.
        corners: of its box, in the image, in order.
    """

    index: int
    place: int
    class_name: str
    score: float
    corners: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        return f"{self.class_name} {self.score:.0%}"


class ExplainedImage:
    """A run of a graph on one image, in which numbers are found.

    Args:
        graph: the model, in inference mode.
        record: the image, as the graph takes it.
        image: the image as it is, RGB.
        file_name: the file of the image, or None.
        metadata: names of the classes.
        score_threshold: detections with a lower score are not counted.
    """

    def __init__(
        self,
        graph: Graph,
        record: dict[str, Any],
        image: Image.Image,
        file_name: str | None,
        metadata: SpecMetadata,
        score_threshold: float,
    ) -> None:
        self.graph, self.image, self.file_name = graph, image, file_name
        self._metadata, self.score_threshold = metadata, score_threshold
        self.owners = RowOwners(graph.blueprint)
        self._dependencies = graph.blueprint.dependencies("inference")
        self.session = graph.session([record], mode="inference", seed=0)

    @property
    def name(self) -> str:
        """The image in messages."""
        return Path(self.file_name).name if self.file_name else "the image"

    @cached_property
    def detections(self) -> list[Detection]:
        """The detections, in the order of predictions.

        Raises:
            InputError: the model detects nothing, as it has no instances.
        """
        found = self._read_instances(self._instances)
        names = ClassNames.of(self._metadata)
        detections: list[Detection] = []
        for place, score in enumerate(found.scores.tolist()):
            if score >= self.score_threshold:
                category = int(found.pred_classes[place]) if found.has("pred_classes") else 0
                corners = _find_corners(found.pred_boxes, place)
                name = names.name_thing(category)
                detections.append(Detection(len(detections), place, name, score, corners))
        return detections

    def find_detection(self, index: int) -> Detection:
        """A detection by its number.

        Raises:
            InputError: there is none; the message says how many there are.
        """
        found = self.detections
        if 0 <= index < len(found):
            return found[index]
        what = f"a score of {self.score_threshold:g} or more"
        if not found:
            raise InputError(f"{self.name}: nothing was detected with {what}")
        listed = ", ".join(f"{one.index}: {one}" for one in found[:8])
        more = ", ..." if len(found) > 8 else ""
        raise InputError(
            f"{self.name}: there is no detection {index}; there "
            f"{'is' if len(found) == 1 else 'are'} {count_noun(len(found), 'detection')} with "
            f"{what}, counted from 0 ({listed}{more})"
        )

    def name_number(self, detection: Detection, of: str, *, row: int | None = None) -> str:
        """The name of a number of a detection, as `Session.gradient` takes it.

        Args:
            detection: the detection.
            of: `score`, `logit`, `mask`, `keypoint:NAME`; anything else is a name already.
            row: of masks and keypoints, the row to name in place of the detection's.

        Raises:
            InputError: the detection has no such number.
        """
        kind, colon, which = of.partition(":")
        if of == "score":
            return f"{self._instances}[0].scores[{detection.place}]"
        if of == "logit":
            return self._name_logit(detection)
        if of == "mask":
            field = self._require_field("pred_masks", "masks", detection, row)
            return f"{field}.mean()"
        if kind == _KEYPOINT:
            field = self._require_field("pred_keypoint_heatmaps", "keypoints", detection, row)
            number = self._number_keypoint(which if colon else "")
            return f"{field[:-1]}, {number}].max()"
        return of

    def isolate(self, detection: Detection, of: str) -> tuple[Session, str]:
        """A session in which no masks and keypoints of other detections are computed.

        Args:
            detection: the detection.
            of: as for `name_number`.

        Returns:
            The session, and the name of the number in it. Of other numbers, and of a model whose
            detections depend on each other, it is the whole session.
        """
        name = self.name_number(detection, of)
        given = self._pick_row(detection) if of.partition(":")[0] in _OF_ROWS else {}
        if not given:
            return self.session, name
        alone = self.session.fork()
        for slot, value in given.items():
            alone[str(slot)] = value
        own = self.name_number(detection, of, row=0)
        found, wanted = alone.read(own), self.session.read(name)
        is_same = abs(found - wanted) <= _SAME * max(abs(found), abs(wanted), 1.0)
        return (alone, own) if is_same else (self.session, name)

    def _pick_row(self, detection: Detection) -> dict[Slot, Any]:
        """The outputs of the node that makes the detections, for one of them.

        Nothing if some output has no row for each detection.
        """
        boxes = self.owners.find_owner(self._unscaled)
        if boxes is None or boxes.path in (self._unscaled.path, self._instances.path):
            return {}
        slots = self._dependencies.nodes[boxes.path].slots
        values = {slot: self.session[str(slot)] for slot in slots}
        count, row = len(values[boxes][0]), self._find_row(detection)
        if any(type(v) is not list or len(v) != 1 or len(v[0]) != count for v in values.values()):
            return {}
        return {slot: [value[0][row : row + 1]] for slot, value in values.items()}

    def hold_boxes(self, of: str, session: Session | None = None) -> Session:
        """A session with the boxes that a number depends on as they are.

        They have no gradients of their own, and what they were made of need not run again.

        Args:
            of: the number.
            session: the session, if it is not that of the image.
        """
        session = session or self.session
        dependencies = self._dependencies
        target = self.find_target(of)
        above = needed(dependencies.graph, target.endpoint.slots)
        boxes = [
            str(slot)
            for slot in sorted(v for v in above if isinstance(v, Slot))
            if slot.path in dependencies.nodes
            and is_list_of(dependencies.type_of(slot), Boxes, RotatedBoxes)
        ]
        return session.holding(boxes) if boxes else session

    def check_name(self, of: str) -> None:
        """Makes sure that there is a number of a name, as far as names go.

        Raises:
            NameResolutionError: there is none; the message has the numbers of detections, too.
        """
        try:
            self.find_target(of)
        except NameResolutionError as error:
            meant = closest(of, NUMBERS)
            hint = f" Did you mean '{meant}'?" if meant else ""
            words = "score, logit, mask, keypoint:NAME"
            raise NameResolutionError(
                f"'{of}' is no number of a detection ({words}).{hint} As a name, {error}"
            ) from error

    def find_target(self, name: str) -> Target:
        """The value that a name, or the name of a part, belongs to.

        Raises:
            NameResolutionError: it means nothing or several things.
        """
        return parse_part(name, self.graph.blueprint.book("inference")).target

    @cached_property
    def _instances(self) -> Slot:
        ends = self.graph.blueprint.outputs.get("inference", {})
        if "instances" not in ends:
            name = self.graph.spec.name
            raise InputError(f"'{name}' has no instances; name a number to explain with --of")
        return ends["instances"].slots[0]

    @cached_property
    def _unscaled(self) -> Slot:
        """The instances before they are scaled to the image."""
        node = self._dependencies.nodes[self._instances.path]
        for end in node.arguments["inference"].values():
            for slot in end.slots:
                if is_list_of(self._dependencies.type_of(slot), Instances):
                    return slot
        return self._instances

    def _read_instances(self, slot: Slot) -> Instances:
        with torch.no_grad():
            (found,) = self.session[str(slot)]
        first = find_first_class(self.graph.blueprint)
        (shifted,) = count_from_zero(lambda _: [{"instances": found}], first)([])
        instances: Instances = shifted["instances"]
        return instances

    def _find_row(self, detection: Detection) -> int:
        """The number of a detection among those before scaling, which leaves some out."""
        if self._unscaled == self._instances:
            return detection.place
        at = f"{self._unscaled}[0].scores"
        gradient: Tensor = self.session.gradient(self.name_number(detection, "score"), at)
        return int(gradient.abs().argmax())

    def _require_field(self, field: str, what: str, detection: Detection, row: int | None) -> str:
        (found,) = self.session[str(self._unscaled)]
        if not found.has(field):
            raise InputError(f"the detections of '{self.graph.spec.name}' have no {what}")
        return f"{self._unscaled}[0].{field}[{self._find_row(detection) if row is None else row}]"

    def _number_keypoint(self, which: str) -> int:
        names = list(self._metadata.keypoint_names)
        count = self.session[str(self._unscaled)][0].pred_keypoint_heatmaps.shape[1]
        if which in names:
            return names.index(which)
        if which.isdecimal() and int(which) < count:
            return int(which)
        hint = did_you_mean(which, names) if names and not which.isdecimal() else ""
        known = f"they are {', '.join(names)}" if names else f"they are 0 to {count - 1}"
        raise InputError(
            f"a keypoint is named 'keypoint:NAME' or 'keypoint:NUMBER', not '{which}'; "
            f"{known}. {hint}".rstrip(" .")
            + ("?" if hint.endswith("?") else "")
        )

    def _name_logit(self, detection: Detection) -> str:
        with suppress(InputError):  # scores without gradients, or that do not depend on a logit
            if found := self._differentiate_to_logit(detection):
                return found
        if found := self.trace_logit(detection):
            return found
        raise InputError(
            f"the logit of detection {detection.index} cannot be found from its score, which is "
            f"{detection.score:g}: name it with --of, such as NODE.class_logits[ROW, CLASS]"
        )

    def _differentiate_to_logit(self, detection: Detection) -> str:
        """The logit that raises the score of a detection most; empty if none does."""
        score = self.name_number(detection, "score")
        for slot in self._list_logits():
            gradient = self.session.gradient(score, str(slot))
            levels = gradient if isinstance(gradient, list) else [gradient]
            largest = [float(level.max()) if level.numel() else 0.0 for level in levels]
            level = max(range(len(levels)), key=largest.__getitem__)
            if largest[level] > 0:
                indices = torch.unravel_index(levels[level].argmax(), levels[level].shape)
                index = ", ".join(str(int(one)) for one in indices)
                which = f"[{level}]" if isinstance(gradient, list) else ""
                return f"{slot}{which}[{index}]"
        return ""

    def trace_logit(self, detection: Detection) -> str:
        """The logit of the region or query that a detection is of; empty if that is not known."""
        boxes = self.owners.find_owner(self._unscaled)
        row = self._find_row(detection)
        category = int(self.session[str(self._unscaled)][0].pred_classes[row])
        for origin in () if boxes is None else self.owners.list_origins(boxes):
            row = int(self.session[str(origin.indices)][0][row])
            for slot in self._list_logits():
                if origin.what == "region" and self.owners.find_owner(slot) == origin.source:
                    return f"{slot}[{row}, {category}]"
                if origin.what == "query" and self.owners.find_kind(slot) == "queries":
                    return f"{slot}[-1, 0, {row}, {category}]"
        return ""

    def _list_logits(self) -> Iterator[Slot]:
        """The class logits that scores are made of, the last first."""
        above = needed(self._dependencies.graph, [self._instances])
        slots = [slot for slot in above if isinstance(slot, Slot)]
        for slot in sorted(slots, key=lambda one: -self._dependencies.rank[one]):
            mark = meaning(self._dependencies.type_of(slot))
            if mark is not None and mark.name in _LOGITS:
                yield slot


def _find_corners(boxes: Any, place: int) -> tuple[tuple[float, float], ...]:
    if isinstance(boxes, RotatedBoxes):
        return tuple((x, y) for x, y in boxes[place : place + 1].get_corners()[0].tolist())
    left, top, right, bottom = boxes.tensor[place].tolist()
    return (left, top), (right, top), (right, bottom), (left, bottom)
