"""Convolutions whose samples are moved by offsets that the network itself predicts.

Legend: N images. `_` is channels, or rows and columns.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers.norm import NormName, build_norm

Map = Float[Tensor, "N _ _ _"]


class NormDeformConv2d(nn.Module):
    """A deformable convolution, then a normalisation, then an activation.

    Each of its samples is taken at a place of its own, moved by an offset (Dai et al. 2017), and
    may be weighted by a mask besides (Zhu et al. 2019). It has no bias. The weights are called
    `weight` and `norm.*`, as in detectron2's checkpoints.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the kernel.
        stride: of the convolution.
        padding: zeros around the input.
        dilation: of the kernel.
        groups: of the convolution.
        offset_groups: sets of offsets, each for as many channels of the input.
        norm: name of the normalisation, see `build_norm`; "" for none.
        activation: applied last; must not work in place.

    Raises:
        ValueError: the groups or the sets of offsets do not divide the channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        offset_groups: int = 1,
        norm: NormName = "",
        activation: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        for name, divisor in (("groups", groups), ("offset_groups", offset_groups)):
            if divisor < 1 or in_channels % divisor:
                raise ValueError(f"{divisor} {name} do not divide {in_channels} channels.")
        if out_channels % groups:
            raise ValueError(f"{groups} groups do not divide {out_channels} channels.")
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.bias: nn.Parameter | None
        shape = (out_channels, in_channels // groups, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        self.norm = build_norm(norm, out_channels)
        self.activation = activation
        self.register_parameter("bias", None)  # of a folded one

    def forward(self, x: Map, offset: Map, mask: Map | None = None) -> Map:
        """Returns the convolved, normalised and activated map; a batch may be empty.

        Args:
            x: the input.
            offset: how far each sample is moved, in cells, for every cell of the output: the
                channels are y and x of the kernel's first place, of its second, ..., for each
                set of offsets.
            mask: what each sample is multiplied with, a channel for each place of the kernel and
                set of offsets; by default 1.
        """
        x = self._convolve(x, offset, mask)
        if self.norm is not None:
            x = self.norm(x)
        if self.activation is not None:
            x = self.activation(x)
        return x

    def _convolve(self, x: Map, offset: Map, mask: Map | None) -> Map:
        from torchvision.ops import deform_conv2d  # takes as long to import as torch

        # The kernels expect one dtype for all, and do not support bfloat16.
        dtype = torch.float32 if x.dtype == torch.bfloat16 else x.dtype
        moved = deform_conv2d(
            x.to(dtype),
            offset.to(dtype),
            self.weight.to(dtype),
            None if self.bias is None else self.bias.to(dtype),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            mask=None if mask is None else mask.to(dtype),
        )
        return moved.to(x.dtype)
