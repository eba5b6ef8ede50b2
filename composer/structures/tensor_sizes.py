"""Sizes of tensors that are about to be made.

Legend: R regions.
"""

from collections.abc import Sequence
from math import prod

import torch
from jaxtyping import Float
from torch import Tensor

from composer.memory import check_allocation

_BYTES_PER_SAMPLE = 32  # four places and four weights, which the CPU's kernel of RoIAlign keeps


def check_size(like: Tensor, shape: Sequence[int], what: str) -> None:
    """Refuses a tensor that is larger than the memory at hand, before it is made.

    Tensors of other devices than the CPU are not looked at, nor are those of a compiled graph.

    Args:
        like: a tensor of the same device and kind of number.
        shape: the shape of the tensor to be made.
        what: what it is, as the beginning of the message: `2 images, padded to 64 x 64,`.

    Raises:
        MemoryShortageError: as said; nothing was reserved.
    """
    if like.device.type == "cpu" and not torch.compiler.is_compiling():
        check_allocation(prod(shape) * like.element_size(), what)


def check_samples(boxes: Float[Tensor, "R 4"]) -> None:
    """Refuses boxes on which RoIAlign, with a sample a pixel, would need more memory than there is.

    The kernel of the CPU places all samples of a box, also those outside of the image.

    Args:
        boxes: XYXY in pixels.

    Raises:
        MemoryShortageError: as said; nothing was reserved.
    """
    if boxes.device.type != "cpu" or torch.compiler.is_compiling() or not len(boxes):
        return
    sides = (boxes[:, 2:] - boxes[:, :2]).detach().double().nan_to_num(nan=0.0).clamp(min=0)
    width, height = sides[int(sides.prod(dim=1).argmax())].tolist()
    what = f"Sampling a box of {height:.6g} x {width:.6g} pixels (height x width)"
    check_allocation(int(width + 1) * int(height + 1) * _BYTES_PER_SAMPLE, what)
