"""The losses of points.

Legend: N images, R regions over all images, P points of a region or image, S sampled points.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Integer
from torch import Tensor

from composer.events import record_scalar
from composer.ops import find_known_masks
from composer.ranges import NonNegative
from composer.structures import BitMasks, Boxes, Classes, ImageList, Indices, Instances, Losses
from composer_point_rend.point_sampling import pick_class, place_points, sample_points
from composer_point_rend.point_types import PointLogits, Points
from composer_point_rend.uncertain_points import join_classes


def point_mask_loss(
    point_logits: PointLogits,
    points: Points,
    boxes: list[Boxes],
    classes: list[Classes],
    matched_indices: list[Indices],
    targets: list[Instances],
    *,
    loss_weight: NonNegative = 1.0,
) -> Losses:
    """Compares points of each region's mask with its object's (Kirillov et al. 2020, 3.1).

    The objects' masks are interpolated, so that a point on an outline is half inside. Records
    `point/accuracy`, the share of points on the right side.

    Args:
        point_logits: of all regions' points, one mask a class or one in all.
        points: the points of each region.
        boxes: the regions, per image; all have an object.
        classes: the objects' classes.
        matched_indices: which of its image's objects each region has in it.
        targets: the ground truth of every image, with `gt_masks`. Regions of objects whose mask is
            empty teach nothing: such a mask is not known.
        loss_weight: factor of the loss.

    Returns:
        `loss_mask_point`.

    Raises:
        ValueError: the numbers of regions differ.
    """
    num_regions = sum(len(one) for one in boxes)
    if num_regions != len(point_logits) or num_regions != len(points):
        raise ValueError(
            f"{num_regions} regions, but points of {len(points)} and logits of {len(point_logits)}."
        )
    known = find_known_masks(boxes, matched_indices, targets, point_logits).to(point_logits.device)
    if not known.any():
        return {"loss_mask_point": point_logits.sum() * 0.0}
    own = pick_class(point_logits, join_classes(classes).to(point_logits.device))
    wanted = _look_up_masks(points, boxes, matched_indices, targets).to(own.device)
    own, wanted = own[known], wanted[known]
    is_right = (own > 0) == (wanted >= 1)  # a point that is not wholly inside counts as outside
    record_scalar("point/accuracy", is_right.float().mean())
    loss = F.binary_cross_entropy_with_logits(own, wanted.to(own.dtype))
    return {"loss_mask_point": loss * loss_weight}


def point_sem_seg_loss(
    point_logits: PointLogits,
    points: Points,
    images: ImageList,
    targets: list[Integer[Tensor, "_ _"]],
    *,
    ignore_value: int = 255,
    loss_weight: NonNegative = 1.0,
) -> Losses:
    """Compares the classes of points with those of the pixels that they lie in.

    The mean is taken over the points that count; where none does, the loss is zero.

    Args:
        point_logits: of every image's points.
        points: the points of each padded image.
        images: for their padded size.
        targets: per image, the class of each pixel, as integers.
        ignore_value: points in pixels of this class, and in the padding, do not count.
        loss_weight: weight of the loss.

    Returns:
        `loss_sem_seg_point`.

    Raises:
        ValueError: the numbers of targets and images differ.
    """
    if len(targets) != len(points):
        raise ValueError(f"Semantic targets of {len(targets)} images for {len(points)} images.")
    size = (images.tensor.shape[-2], images.tensor.shape[-1])
    wanted = _look_up_classes(points, targets, size, ignore_value).to(point_logits.device)
    logits = point_logits.float()
    total = F.cross_entropy(logits, wanted, reduction="sum", ignore_index=ignore_value)
    num_points = (wanted != ignore_value).sum().clamp(min=1)
    return {"loss_sem_seg_point": total / num_points * loss_weight}


@torch.no_grad()
def _look_up_masks(
    points: Float[Tensor, "R P 2"],
    boxes: Sequence[Boxes],
    matched_indices: Sequence[Indices],
    targets: Sequence[Instances],
) -> Float[Tensor, "R P"]:
    """Interpolates the mask of each region's object at the region's points."""
    found = []
    rows = torch.split(points, [len(one) for one in boxes])
    for within, one, matched, target in zip(rows, boxes, matched_indices, targets, strict=True):
        places = place_points(within, one.tensor.to(within.device))
        height, width = target.image_size
        shares = places / places.new_tensor([width, height])
        found.append(_sample_objects(shares, matched.to(within.device), target))
    return torch.cat(found)


def _sample_objects(
    points: Float[Tensor, "_ P 2"], matched: Int[Tensor, "_"], target: Instances
) -> Float[Tensor, "_ P"]:
    """Samples object by object: their masks are large, and several regions share one."""
    values = points.new_zeros(points.shape[:2])
    for index in torch.unique(matched).tolist():
        rows = (matched == index).nonzero().squeeze(1)
        mask = _rasterize(target, index).to(points.device)
        flat = points[rows].reshape(1, -1, 2)
        values[rows] = sample_points(mask.float()[:, None], flat).view(len(rows), -1)
    return values


def _rasterize(target: Instances, index: int) -> Tensor:
    """Returns the mask of one object, 1 x H x W."""
    masks = target.gt_masks[index]
    if isinstance(masks, BitMasks):
        return masks.tensor
    return BitMasks.from_polygon_masks(masks.polygons, *target.image_size).tensor


@torch.no_grad()
def _look_up_classes(
    points: Float[Tensor, "N P 2"],
    targets: Sequence[Integer[Tensor, "_ _"]],
    padded_size: tuple[int, int],
    ignore_value: int,
) -> Int[Tensor, "N P"]:
    height, width = padded_size
    x = (points[..., 0] * width).long().clamp(0, width - 1)
    y = (points[..., 1] * height).long().clamp(0, height - 1)
    found = torch.full(points.shape[:2], ignore_value, device=points.device)
    for image, target in enumerate(targets):
        rows, columns = target.shape
        inside = (y[image] < rows) & (x[image] < columns)
        classes = target.to(points.device)[y[image][inside], x[image][inside]]
        found[image, inside] = classes.long()
    return found
