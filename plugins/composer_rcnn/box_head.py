"""From a region's features to a vector that describes it.

Legend: R regions over all images. `_` is channels, or channels, rows and columns.
"""

import torch.nn.functional as F
from torch import nn

from composer.layers import NormName, Optimization, PackedLinear, fold_norms, init_xavier
from composer.ranges import PositiveInt
from composer.structures import RegionFeatures, TensorShape
from composer_rcnn.region_convs import add_convs


class BoxHead(nn.Module):
    """Convolutions, then fully connected layers, each with a ReLU (Girshick 2015).

    Args:
        x_shape: channels, rows and columns of the pooled regions.
        conv_dims: channels of the 3x3 convolutions; none by default.
        fc_dims: sizes of the fully connected layers; may be none.
        norm: name of the normalisation after each convolution.

    Raises:
        ValueError: there is no layer at all, or the size of the regions is not known.
    """

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        conv_dims: tuple[PositiveInt, ...] = (),
        fc_dims: tuple[PositiveInt, ...] = (1024, 1024),
        norm: NormName = "",
    ) -> None:
        super().__init__()
        if not conv_dims and not fc_dims:
            raise ValueError("A box head has a layer at least: conv_dims and fc_dims are empty.")
        if x_shape.channels is None or x_shape.height is None or x_shape.width is None:
            raise ValueError(f"The size of the regions is not known: {x_shape}.")
        height, width = x_shape.height, x_shape.width
        self._convs = add_convs(self, "conv", x_shape=x_shape, conv_dims=conv_dims, norm=norm)
        channels = self._convs.channels
        self._shape = TensorShape(channels=channels, height=height, width=width)
        size = channels * height * width
        self.takes_channels_last = False
        self._fc_names = [f"fc{index + 1}" for index in range(len(fc_dims))]
        for name, dim in zip(self._fc_names, fc_dims, strict=True):
            fc = nn.Linear(size, dim)
            init_xavier(fc)
            self.add_module(name, fc)
            size = dim
            self._shape = TensorShape(channels=dim)

    @property
    def output_shape(self) -> TensorShape:
        """A vector's length as channels; rows and columns too without fully connected layers."""
        return self._shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(_fold)

    def forward(self, x: RegionFeatures) -> RegionFeatures:
        """Returns a vector a region (a map, without fully connected layers)."""
        x = self._convs.apply(self, x)
        if self._fc_names:
            x = (x.permute(0, 2, 3, 1) if self.takes_channels_last else x).flatten(1)
        for name in self._fc_names:
            x = F.relu(self.get_submodule(name)(x))
        return x


def _fold(module: nn.Module) -> nn.Module:
    """Returns a head whose layers are laid out once, the first for regions with channels last."""
    folded = fold_norms(module)
    assert isinstance(folded, BoxHead)
    linears = {name: folded._modules[name] for name in folded._fc_names}
    if any(type(each) is not nn.Linear for each in linears.values()):
        return folded
    for place, (name, linear) in enumerate(linears.items()):
        assert isinstance(linear, nn.Linear)
        weight = linear.weight.detach()
        if place == 0:
            channels = folded._convs.channels
            weight = weight.view(len(weight), channels, -1).transpose(1, 2).flatten(1)
            folded.takes_channels_last = True
        folded._modules[name] = PackedLinear(weight, linear.bias)
    return folded
