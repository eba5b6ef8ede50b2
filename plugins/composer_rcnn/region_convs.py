"""3x3 convolutions of a head's regions.

Legend: R regions over all images. `_` is channels, rows and columns.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormConv2d, NormName, init_msra
from composer.structures import TensorShape


class RegionConvs(NamedTuple):
    """Convolutions that stand in a row among the modules of a head.

    Args:
        names: what they are called in the head.
        channels: of what the last one gives.
    """

    names: tuple[str, ...]
    channels: int

    def apply(self, head: nn.Module, x: Float[Tensor, "R _ _ _"]) -> Float[Tensor, "R _ _ _"]:
        """Calls the convolutions of a head one after another."""
        for name in self.names:
            x = head.get_submodule(name)(x)
        return x


def add_convs(
    head: nn.Module,
    prefix: str,
    *,
    x_shape: TensorShape,
    conv_dims: Sequence[int],
    norm: NormName = "",
) -> RegionConvs:
    """Gives a head convolutions, each with a normalisation and a ReLU.

    They are modules of the head itself, as in detectron2's checkpoints.

    Args:
        head: gets them.
        prefix: what they are called, before a number from 1.
        x_shape: channels of the pooled regions.
        conv_dims: their channels; may be none.
        norm: name of the normalisation.

    Raises:
        ValueError: the number of channels is not known.
    """
    if x_shape.channels is None:
        raise ValueError(f"The channels of the regions' features are not known: {x_shape}.")
    channels = x_shape.channels
    names = tuple(f"{prefix}{index + 1}" for index in range(len(conv_dims)))
    for name, dim in zip(names, conv_dims, strict=True):
        conv = NormConv2d(channels, dim, 3, padding=1, norm=norm, activation=F.relu)
        init_msra(conv)
        head.add_module(name, conv)
        channels = dim
    return RegionConvs(names, channels)
