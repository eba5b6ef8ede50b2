"""Visualizations of instances: predictions, or ground truth.

Legend: R instances, K keypoints, H W height and width of the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from PIL import Image
from torch import Tensor

from composer.structures import BitMasks, Instances, PolygonMasks, RotatedBoxes
from composer.visualization.background import Background
from composer.visualization.canvas import ImageLike, Mask, Point, to_pil_image
from composer.visualization.class_names import ClassNames
from composer.visualization.object_drawing import ColorBy, DrawnObject, Joint, draw_objects

_BOXES = ("pred_boxes", "gt_boxes", "proposal_boxes")


def draw_instances(
    image: ImageLike,
    instances: Instances,
    metadata: object = None,
    *,
    channel_order: Literal["RGB", "BGR"] = "RGB",
    color_by: ColorBy | None = None,
    background: Background = "color",
    keypoint_threshold: float = 0.05,
    scale: float | None = None,
) -> Image.Image:
    """Draws boxes, masks and keypoints of instances, with their classes and scores.

    Args:
        image: a PIL image, an array of H x W x 3, or a tensor of 3 x H x W.
        instances: of this image and its size. `pred_boxes`, `scores`, `pred_classes`,
            `pred_masks` and `pred_keypoints`, or the same with `gt_`, as far as they are there.
        metadata: has the names of the classes and keypoints; see `ClassNames.of`.
        channel_order: of an array or a tensor.
        color_by: whether instances of one class share a hue; by default they do where there is
            more than one class.
        background: `color` for the image as it is; `gray` for an image that has its colours only
            where objects are: in their masks, or in boxes without a mask.
        keypoint_threshold: predicted keypoints with a lower score are left out.
        scale: pixels of the visualization for one of the image; by default small images are
            enlarged until labels can be read.

    Raises:
        ValueError: the image has another size than the instances, or there is no such background.
    """
    drawn = to_pil_image(image, channel_order)
    if (drawn.height, drawn.width) != instances.image_size:
        raise ValueError(
            f"The image has {drawn.height} x {drawn.width} pixels, the instances belong "
            f"to {instances.image_size[0]} x {instances.image_size[1]}."
        )
    names = ClassNames.of(metadata)
    objects = list(_read_objects(instances, names, keypoint_threshold))
    return draw_objects(
        drawn, objects, names, color_by=color_by, background=background, scale=scale
    )


def _read_objects(
    instances: Instances, names: ClassNames, keypoint_threshold: float
) -> Iterator[DrawnObject]:
    if not instances.get_fields():
        return
    boxes = _find(instances, *_BOXES)
    classes = _find(instances, "pred_classes", "gt_classes")
    scores = _find(instances, "scores")
    masks = _read_masks(_find(instances, "pred_masks", "gt_masks"), instances.image_size)
    joints = _read_joints(instances, keypoint_threshold)
    for index in range(len(instances)):
        category = None if classes is None else int(classes[index])
        score = None if scores is None else float(scores[index])
        yield DrawnObject(
            category=category,
            label=write_label(None if category is None else names.name_thing(category), score),
            corners=() if boxes is None else _find_corners(boxes, index),
            mask=None if masks is None else masks[index],
            joints=() if joints is None else joints[index],
        )


def write_label(name: str | None, score: float | None = None) -> str:
    """The label of an object: its class, and its score in percent."""
    percent = "" if score is None else f"{score:.0%}"
    return " ".join(part for part in (name or "", percent) if part)


def _find(instances: Instances, *names: str) -> Any:
    return next((instances.get(name) for name in names if instances.has(name)), None)


def _find_corners(boxes: Any, index: int) -> Sequence[Point]:
    if isinstance(boxes, RotatedBoxes):
        found: list[list[float]] = boxes[index : index + 1].get_corners()[0].tolist()
        return [(x, y) for x, y in found]
    tensor = boxes if isinstance(boxes, Tensor) else boxes.tensor
    x0, y0, x1, y1 = tensor[index].tolist()
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _read_masks(masks: Any, size: tuple[int, int]) -> Sequence[Mask] | None:
    """The masks as arrays of H x W; None for those of another kind, such as within boxes."""
    if isinstance(masks, PolygonMasks):
        masks = BitMasks.from_polygon_masks(masks.polygons, *size)
    tensor = masks.tensor if isinstance(masks, BitMasks) else masks
    if not isinstance(tensor, Tensor) or tuple(tensor.shape[-2:]) != size:
        return None
    return list((tensor.detach().cpu() > 0.5).numpy())


def _read_joints(instances: Instances, threshold: float) -> Sequence[Sequence[Joint | None]] | None:
    predicted = instances.has("pred_keypoints")
    keypoints = _find(instances, "pred_keypoints", "gt_keypoints")
    if keypoints is None:
        return None
    rows = (keypoints if isinstance(keypoints, Tensor) else keypoints.tensor).tolist()
    if predicted:
        return [[Joint(x, y) if s > threshold else None for x, y, s in row] for row in rows]
    return [[Joint(x, y, v > 1) if v > 0 else None for x, y, v in row] for row in rows]
