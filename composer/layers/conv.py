"""A convolution with normalisation and activation.

Legend: N images, C channels, H W height and width.
"""

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from composer.layers.norm import NormName, build_norm


class NormConv2d(nn.Conv2d):
    """A convolution, then a normalisation, then an activation.

    It is a convolution rather than having one, so that its weights are called `weight`, `bias`
    and `norm.*`, as in detectron2's checkpoints.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the kernel.
        norm: name of the normalisation, see `build_norm`; "" for none.
        activation: applied last; must not work in place.
        bias: whether there is a bias; by default there is one where no normalisation follows.
        options: what else `torch.nn.Conv2d` takes.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        norm: NormName = "",
        activation: Callable[[Tensor], Tensor] | None = None,
        bias: bool | None = None,
        **options: Any,
    ) -> None:
        has_bias = norm == "" if bias is None else bias
        super().__init__(in_channels, out_channels, kernel_size, bias=has_bias, **options)
        self.norm = build_norm(norm, out_channels)
        self.activation = activation

    def forward(self, x: Float[Tensor, "N _ _ _"]) -> Float[Tensor, "N _ _ _"]:
        """Returns the convolved, normalised and activated map; a batch may be empty."""
        x = super().forward(x)
        if self.norm is not None:
            x = self.norm(x)
        if self.activation is not None:
            x = self.activation(x)
        return x
