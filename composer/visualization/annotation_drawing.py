"""Visualizations of a dataset's annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from PIL import Image

from composer.structures import BitMasks, PolygonMasks, decode_mask
from composer.visualization.background import Background
from composer.visualization.canvas import ImageLike, Mask, to_pil_image
from composer.visualization.class_names import ClassNames
from composer.visualization.instance_drawing import write_label
from composer.visualization.object_drawing import ColorBy, DrawnObject, Joint, draw_objects


class Annotated(Protocol):
    """One annotated object, as `composer.data` has it."""

    @property
    def box(self) -> Sequence[float]:
        """x0, y0, x1, y1 in pixels."""
        ...

    @property
    def category(self) -> int:
        """Number of the class."""
        ...

    @property
    def segmentation(self) -> Any:
        """Polygons, a run-length encoding of COCO's, or None."""
        ...

    @property
    def keypoints(self) -> Sequence[float] | None:
        """Flat x, y, visibility."""
        ...

    @property
    def is_crowd(self) -> bool:
        """Whether it stands for a group."""
        ...


class AnnotatedRecord(Protocol):
    """The annotations of one image, as `composer.data` has them."""

    @property
    def annotations(self) -> Sequence[Annotated]:
        """Its objects."""
        ...


def draw_annotations(
    image: ImageLike,
    record: AnnotatedRecord,
    metadata: object = None,
    *,
    channel_order: Literal["RGB", "BGR"] = "RGB",
    color_by: ColorBy | None = None,
    background: Background = "color",
    scale: float | None = None,
) -> Image.Image:
    """Draws boxes, outlines and keypoints as a dataset has them.

    Groups of objects are called so and drawn less strongly; hidden keypoints are rings. What is
    wrong with an annotation shows: a box may reach out of the image, a class without a name is
    a number, an outline that is none is left out.

    Args:
        image: a PIL image, an array of H x W x 3, or a tensor of 3 x H x W.
        record: its annotations.
        metadata: has the names of the classes and keypoints; see `ClassNames.of`.
        channel_order: of an array or a tensor.
        color_by: as for `draw_instances`.
        background: as for `draw_instances`.
        scale: as for `draw_instances`.
    """
    drawn = to_pil_image(image, channel_order)
    names = ClassNames.of(metadata)
    objects = [
        _read_object(annotation, names, (drawn.height, drawn.width))
        for annotation in record.annotations
    ]
    return draw_objects(
        drawn, objects, names, color_by=color_by, background=background, scale=scale
    )


def _read_object(annotation: Annotated, names: ClassNames, size: tuple[int, int]) -> DrawnObject:
    x0, y0, x1, y1 = annotation.box
    name = names.name_thing(annotation.category)
    keypoints = annotation.keypoints or ()
    rows = zip(keypoints[0::3], keypoints[1::3], keypoints[2::3], strict=False)
    return DrawnObject(
        category=annotation.category,
        label=write_label(f"{name} (group)" if annotation.is_crowd else name),
        corners=[(x0, y0), (x1, y0), (x1, y1), (x0, y1)],
        mask=_read_mask(annotation.segmentation, size),
        # COCO counts whole pixels, whose middle is half a pixel further.
        joints=[Joint(x + 0.5, y + 0.5, v > 1) if v > 0 else None for x, y, v in rows],
        is_crowd=annotation.is_crowd,
    )


def _read_mask(segmentation: Any, size: tuple[int, int]) -> Mask | None:
    """The pixels of an object; None if it has no outline, or one that is none."""
    if not segmentation:
        return None
    try:
        if isinstance(segmentation, Mapping):
            fits = tuple(segmentation["size"]) == size
            return decode_mask(segmentation) if fits else None
        polygons = PolygonMasks([segmentation]).polygons
        found: Mask = BitMasks.from_polygon_masks(polygons, *size).tensor[0].numpy()
    except (KeyError, TypeError, ValueError):
        return None
    return found
