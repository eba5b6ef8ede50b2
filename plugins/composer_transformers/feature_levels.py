"""Names, channels and strides of the feature maps of a network."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from composer.structures import TensorShape

# A multiple of all strides and sizes of patches: 8, 14, 16, 32.
_SIDE = 448


@torch.no_grad()
def measure_levels(
    network: Callable[[Tensor], Sequence[Tensor]],
    names: Sequence[str] | None = None,
    num_channels: int = 3,
    side: int = _SIDE,
) -> dict[str, TensorShape]:
    """Finds the shapes of a network's maps by a run without memory.

    Args:
        network: on the meta device, from images to maps.
        names: of the maps, where their strides do not name them.
        num_channels: channels of the images.
        side: height and width of the images.

    Returns:
        The shapes by level: c2, c3, ... by the binary logarithm of the stride, if each map has
        another power of two; otherwise by `names`.
    """
    maps = network(torch.empty(1, num_channels, side, side, device="meta"))
    shapes = [TensorShape(channels=one.shape[1], stride=side // one.shape[-1]) for one in maps]
    strides = [shape.stride or 1 for shape in shapes]
    differ = len(set(strides)) == len(strides)
    if names is None or (differ and len(strides) > 1 and not any(s & (s - 1) for s in strides)):
        names = [f"c{stride.bit_length() - 1}" for stride in strides]
    return dict(zip(names, shapes, strict=True))
