"""A convolution with normalisation and activation, and the initialisation of weights.

Weights are drawn from torch's global generator, and biases set to zero.
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


LinearMap = nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def init_msra(module: LinearMap) -> None:
    """Draws normal weights that keep the variance through a ReLU, backwards.

    He et al. 2015, counted over the outputs.
    """
    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    _clear_bias(module)


def init_xavier(module: LinearMap) -> None:
    """Draws uniform weights within the square root of 3 over the number of inputs.

    This is Caffe's reading of Glorot and Bengio 2010.
    """
    nn.init.kaiming_uniform_(module.weight, a=1)
    _clear_bias(module)


def init_normal(module: LinearMap, std: float) -> None:
    """Draws normal weights of a given standard deviation."""
    nn.init.normal_(module.weight, std=std)
    _clear_bias(module)


def _clear_bias(module: LinearMap) -> None:
    if module.bias is not None:
        nn.init.zeros_(module.bias)
