"""The last stage of a residual network, run on regions instead of images.

Legend: R regions.
"""

from torch import nn

from composer.layers import NormName, Optimization
from composer.ranges import Depth, PositiveInt
from composer.structures import RegionFeatures, TensorShape
from composer_resnet.fused_blocks import OPTIMIZATION
from composer_resnet.stages import BlockStyle, Stage

_RES2_TO_RES5 = 2**3  # channels double from stage to stage


class RegionStage(nn.Module):
    """The stage res5 as a head of regions that were pooled from res4 (He et al. 2016, appendix).

    Its weights are called 0, 1 and 2, after the blocks.

    Args:
        x_shape: size of the pooled regions.
        num_blocks: number of blocks; the first one halves rows and columns.
        norm: name of the normalisation.
        res2_out_channels: channels of the network's res2; this stage has eight times as many.
        num_groups: groups of the 3x3 convolutions.
        width_per_group: channels of a group in res2.
        stride_in_1x1: whether the first block strides in its first 1x1 convolution.

    Raises:
        ValueError: the number of channels is not known.
    """

    def __init__(
        self,
        *,
        x_shape: TensorShape,
        num_blocks: Depth = 3,
        norm: NormName = "FrozenBN",
        res2_out_channels: PositiveInt = 256,
        num_groups: PositiveInt = 1,
        width_per_group: PositiveInt = 64,
        stride_in_1x1: bool = True,
    ) -> None:
        super().__init__()
        if x_shape.channels is None:
            raise ValueError(f"The channels of the regions' features are not known: {x_shape}.")
        stage = Stage(
            name="res5",
            num_blocks=num_blocks,
            in_channels=x_shape.channels,
            bottleneck_channels=num_groups * width_per_group * _RES2_TO_RES5,
            out_channels=res2_out_channels * _RES2_TO_RES5,
            stride=2,
            dilation=1,
        )
        style = BlockStyle(50, norm, num_groups, stride_in_1x1)  # made of bottlenecks
        for name, block in stage.build(style).named_children():
            self.add_module(name, block)
        self._output_shape = TensorShape(
            channels=stage.out_channels, height=_halve(x_shape.height), width=_halve(x_shape.width)
        )

    @property
    def output_shape(self) -> TensorShape:
        """Rows and columns are halved, rounding up."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return OPTIMIZATION

    def forward(self, x: RegionFeatures) -> RegionFeatures:
        """Returns the features of every region, more abstract and of half the resolution."""
        for block in self.children():
            x = block(x)
        return x


def _halve(size: int | None) -> int | None:
    return None if size is None else (size + 1) // 2
