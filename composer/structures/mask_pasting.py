"""From masks within boxes to masks of whole images.

Legend: R regions, M the side of a region's mask, H W the image's height and width.
"""

import math
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from composer.parallel_calls import call_all
from composer.structures.precision import at_least_float32
from composer.structures.tensor_sizes import check_size

# Off the CPU, masks are pasted together as long as their sampling grids fit in this much memory.
_BYTES_PER_CHUNK = 1 << 29
# A grid holds two float32 coordinates a pixel, and the sampled value.
_BYTES_PER_PIXEL = 12
_FARTHEST = 2.0**60  # pixels; the sides of boxes that reach farther may be no numbers


def paste_masks(
    masks: Float[Tensor, "R M M"],
    boxes: Float[Tensor, "R 4"],
    image_size: tuple[int, int],
    threshold: float = 0.5,
) -> Bool[Tensor, "R H W"]:
    """Resamples each box's mask into its image, bilinearly and at pixel centres.

    Works through chunks of masks, each within the window that it can reach, so that the memory
    above the result stays small (He et al. 2017, section 3.1).

    Args:
        masks: foreground probabilities on a regular grid over each box.
        boxes: XYXY in pixels of the image; a box without area gets an empty mask.
        image_size: the image's (height, width).
        threshold: a pixel belongs to the mask from this probability on.

    Raises:
        MemoryShortageError: the masks would take more memory than is at hand.
    """
    height, width = image_size
    whole = torch.empty(0, dtype=torch.bool, device=masks.device)
    what = f"{len(masks)} masks of {height} x {width} pixels"
    check_size(whole, (len(masks), height, width), what)
    pasted = torch.zeros(len(masks), height, width, dtype=torch.bool, device=masks.device)
    is_finite = boxes.isfinite().all(dim=1)
    boxes = boxes.clamp(min=-_FARTHEST, max=_FARTHEST)
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(dim=1) & is_finite
    rows = has_area.nonzero().squeeze(1)
    if len(rows) == 0:
        return pasted

    def paste(chunk: Int[Tensor, "_"]) -> None:
        top, bottom, left, right = _find_window(boxes[chunk], masks.shape[-1], image_size)
        if bottom > top and right > left:
            values = _sample(masks[chunk], boxes[chunk], (top, bottom, left, right))
            pasted[chunk, top:bottom, left:right] = values >= threshold

    chunks = torch.split(rows, _chunk_length(image_size, masks.device))
    call_all([partial(paste, chunk) for chunk in chunks])
    return pasted


def _chunk_length(image_size: tuple[int, int], device: torch.device) -> int:
    if device.type == "cpu":  # one at a time: then each has a window of its own
        return 1
    height, width = image_size
    return max(1, _BYTES_PER_CHUNK // max(1, height * width * _BYTES_PER_PIXEL))


def _find_window(
    boxes: Float[Tensor, "R 4"], mask_side: int, image_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Returns (top, bottom, left, right) of the pixels that any of the boxes' masks can reach.

    Interpolation reaches half a mask cell over a box's border.
    """
    margin = (boxes[:, 2:] - boxes[:, :2]) / (2 * mask_side) + 1
    height, width = image_size
    end = boxes.new_tensor([width, height])
    left, top = (boxes[:, :2] - margin).amin(dim=0).clamp(min=0).minimum(end).tolist()
    right, bottom = (boxes[:, 2:] + margin).amax(dim=0).clamp(min=0).minimum(end).tolist()
    return math.floor(top), math.ceil(bottom), math.floor(left), math.ceil(right)


def _sample(
    masks: Float[Tensor, "R M M"],
    boxes: Float[Tensor, "R 4"],
    window: tuple[int, int, int, int],
) -> Float[Tensor, "R _ _"]:
    top, bottom, left, right = window
    # Half precision does not tell the pixels of a large image apart.
    masks = at_least_float32(masks)
    x1, y1, x2, y2 = boxes.to(masks.dtype)[:, :, None].unbind(1)
    y = torch.arange(top, bottom, device=masks.device, dtype=masks.dtype) + 0.5
    x = torch.arange(left, right, device=masks.device, dtype=masks.dtype) + 0.5
    # grid_sample's coordinates: -1 and 1 are the outer borders of the mask.
    y = (y - y1) / (y2 - y1) * 2 - 1
    x = (x - x1) / (x2 - x1) * 2 - 1
    shape = (len(masks), y.shape[1], x.shape[1])
    grid = torch.stack((x[:, None, :].expand(shape), y[:, :, None].expand(shape)), dim=3)
    return F.grid_sample(masks[:, None], grid, align_corners=False)[:, 0]
