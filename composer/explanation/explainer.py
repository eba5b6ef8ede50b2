"""Explanations of what a model detects in images.

Legend: R regions, H W height and width of the image. `_` is a size of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image, ImageDraw
from torch import Tensor

from composer.blueprint import Slot
from composer.dag import needed
from composer.data import make_record
from composer.errors import InputError
from composer.explanation.attribution import (
    CAPTUM,
    DEFAULT_METHOD,
    Attribution,
    attribute,
    check_method,
)
from composer.explanation.explained_image import NUMBERS, Detection, ExplainedImage
from composer.explanation.explanation import ChannelShare, Explanation, LevelShare
from composer.explanation.placement import Frame
from composer.graph import Session
from composer.node import meaning, plain
from composer.prediction import ImageSource, Predictor, load_image
from composer.structures import Boxes, ImageList, RotatedBoxes
from composer.values import move

_MAX_CHANNELS = 10


class Explainer:
    """Leads what a model detects in an image back to values inside the model.

    Args:
        predictor: the model, with its threshold and names of classes.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def open(self, source: ImageSource) -> ExplainedImage:
        """Runs the model on an image; what is computed is used for all explanations of it.

        Args:
            source: the image, as `Predictor` takes it.

        Raises:
            InputError: it is no image.
        """
        predictor, loaded = self.predictor, load_image(source)
        record = make_record(loaded.image, predictor.image_format)
        return ExplainedImage(
            predictor.graph.eval(),
            move(record, predictor.device),
            loaded.image,
            loaded.file_name,
            predictor.names,
            predictor.score_threshold,
        )

    @torch.no_grad()
    def __call__(
        self,
        image: ImageSource | ExplainedImage,
        detection: int | None = 0,
        *,
        of: str = "score",
        at: str | None = None,
        method: str = DEFAULT_METHOD,
    ) -> Explanation:
        """Explains one detection, or any number.

        Args:
            image: the image, or what `open` made of it.
            detection: its number in the predictions, from 0 on; None with a number that belongs to
                no detection.
            of: `score`, `logit`, `mask`, `keypoint:NAME`, or the name of any number, as
                `Session.gradient` takes it.
            at: feature maps, one of them, pooled regions or the image of the network; by default
                the feature maps that the number is computed from.
            method: `hires-cam`, `grad-cam`, `gradient`, or an attribution of captum.

        Raises:
            InputError: there is no such detection, number or method, or nothing at the value can be
                drawn.
            NameResolutionError: a name means nothing or several things.
        """
        check_method(method)
        opened = image if isinstance(image, ExplainedImage) else self.open(image)
        found = None if detection is None else opened.find_detection(detection)
        if found is None and of.partition(":")[0] in NUMBERS:
            raise InputError(f"'{of}' is that of a detection: name one by its number")
        wanted = "logit" if of == "score" and method.startswith(CAPTUM) else of
        name = of if found is None else opened.name_number(found, wanted)
        opened.check_name(name)
        alone, number = (opened.session, name) if found is None else opened.isolate(found, wanted)
        session = opened.hold_boxes(name, alone)
        chosen = at or _find_maps(opened, name)
        try:
            explanation = _explain(opened, session, found, number, chosen, method)
        except InputError as error:
            if found is None or of != "score" or not opened.trace_logit(found):
                raise
            raise InputError(f"{error}; its logit may have one: --of logit") from error
        return replace(explanation, of=name)


def _explain(
    opened: ExplainedImage,
    session: Session,
    detection: Detection | None,
    of: str,
    at: str,
    method: str,
) -> Explanation:
    levels = _split(at, session)
    function = session.differentiable(of, list(levels.values()))
    attribution = attribute(method, function, list(levels.values()))
    slot = opened.find_target(at).slot
    frame = _find_frame(opened, session, of)
    maps = [level.sum(dim=1).clamp(min=0).cpu() for level in attribution.levels]
    total = float(sum(level.sum() for level in maps))
    boxes = _find_boxes(opened, session, slot, len(maps[0]))
    heat = torch.zeros(frame.output_size)
    for level in maps if total else ():
        heat += _place(frame, level, boxes) / total
    heat /= heat.sum().clamp(min=1e-12)  # without what counts in the padding
    return Explanation(
        image=opened.image,
        name=opened.file_name,
        model=opened.graph.spec.label,
        detection=detection,
        of=of,
        number=attribution.number,
        at=at,
        method=method,
        heat=heat,
        levels=tuple(
            LevelShare(name, tuple(found.shape), float(level.sum()) / total if total else 0.0)
            for name, found, level in zip(levels, attribution.levels, maps, strict=True)
        ),
        channels=_rank_channels(list(levels), attribution, total),
        in_box=_measure_box(detection, heat) if total else None,
    )


def _split(at: str, session: Session) -> dict[str, str]:
    """The maps of a value: the full name of each by its own."""
    value: Any = session.read(at)
    if isinstance(value, Mapping):
        return {str(key): f"{at}[{key}]" for key in value}
    if isinstance(value, list) and value and all(isinstance(one, Tensor) for one in value):
        return {str(place): f"{at}[{place}]" for place in range(len(value))}
    return {"": f"{at}.tensor" if isinstance(value, ImageList) else at}


def _find_maps(opened: ExplainedImage, of: str) -> str:
    """The last feature maps that a number is computed from, else the images of the network.

    Raises:
        InputError: there are none.
    """
    slots = _slots_above(opened, of)
    types = opened.graph.blueprint.dependencies("inference")
    for slot in slots:
        mark = meaning(types.type_of(slot))
        if mark is not None and mark.name == "Features":
            return str(slot)
    images = _find_images(opened, of)
    if images is not None:
        return str(images)
    raise InputError(f"'{of}' is computed from no feature maps: name maps with --at")


def _find_frame(opened: ExplainedImage, session: Session, of: str) -> Frame:
    output_size = opened.image.height, opened.image.width
    slot = _find_images(opened, of)
    if slot is None:
        return Frame(output_size, output_size, output_size)
    images = session[str(slot)]
    height, width = images.tensor.shape[-2:]
    return Frame((height, width), images.image_sizes[0], output_size)


def _find_images(opened: ExplainedImage, of: str) -> Slot | None:
    """The images of the network: the first ones; later ones are smaller copies of theirs."""
    types = opened.graph.blueprint.dependencies("inference")
    slots = reversed(_slots_above(opened, of))
    return next((slot for slot in slots if plain(types.type_of(slot)) is ImageList), None)


def _slots_above(opened: ExplainedImage, of: str) -> list[Slot]:
    """The slots that a number is computed from, the last first."""
    types = opened.graph.blueprint.dependencies("inference")
    target = opened.find_target(of)
    found = [v for v in needed(types.graph, target.endpoint.slots) if isinstance(v, Slot)]
    return sorted(found, key=lambda slot: -types.rank[slot])


def _place(
    frame: Frame, level: Float[Tensor, "R _ _"], boxes: Float[Tensor, "R 4"] | None
) -> Float[Tensor, "H W"]:
    return frame.place_map(level[0]) if boxes is None else frame.place_regions(level, boxes)


def _find_boxes(
    opened: ExplainedImage, session: Session, slot: Slot, count: int
) -> Float[Tensor, "_ 4"] | None:
    """The boxes that maps of regions lie over, in pixels of the network; None for whole images.

    Raises:
        InputError: there are several maps, but no boxes of theirs.
    """
    owner = opened.owners.find_owner(slot)
    if owner is None:
        if count != 1:
            raise InputError(f"'{slot}' has {count} maps, and it is not known where they lie")
        return None
    found = session[str(owner)][0]
    if isinstance(found, RotatedBoxes):
        found = found.get_bounding_boxes()
    boxes: Tensor = found.tensor if isinstance(found, Boxes) else found.pred_boxes.tensor
    return boxes.detach().cpu()


def _rank_channels(
    names: list[str], attribution: Attribution, total: float
) -> tuple[ChannelShare, ...]:
    """The channels that count most for the number."""
    found = [
        ChannelShare(name, channel, share / total)
        for name, level in zip(names, attribution.levels, strict=True)
        for channel, share in enumerate(level.sum(dim=(0, 2, 3)).tolist() if total else ())
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.share))[:_MAX_CHANNELS])


def _measure_box(detection: Detection | None, heat: Float[Tensor, "H W"]) -> float | None:
    if detection is None or not heat.any():  # all that counts may lie beside the image
        return None
    height, width = heat.shape
    area = Image.new("1", (width, height))
    ImageDraw.Draw(area).polygon([*detection.corners], fill=1)
    inside: Bool[Tensor, "H W"] = torch.from_numpy(np.array(area))
    return float(heat[inside].sum() / heat.sum())
