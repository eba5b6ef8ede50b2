"""From a depth to the residual blocks of each stage."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from torch import nn

from composer.layers import NormName
from composer_resnet.blocks import BasicBlock, BottleneckBlock
from composer_resnet.deform_block import DeformBottleneckBlock

Depth: TypeAlias = Literal[18, 34, 50, 101, 152]

STAGE_NAMES = ("res2", "res3", "res4", "res5")

_BLOCKS_PER_STAGE: dict[Depth, tuple[int, int, int, int]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


@dataclass(frozen=True)
class BlockStyle:
    """The options of all blocks of a network.

    Args:
        depth: number of layers of the network; 18 and 34 are made of basic blocks.
        norm: name of the normalisation.
        num_groups: groups of the 3x3 convolutions.
        stride_in_1x1: which convolution of a bottleneck strides.
        deform_modulated: whether deformable convolutions weight their samples.
        deform_num_groups: sets of offsets of a deformable convolution.
    """

    depth: Depth
    norm: NormName
    num_groups: int
    stride_in_1x1: bool
    deform_modulated: bool = False
    deform_num_groups: int = 1

    @property
    def is_basic(self) -> bool:
        """Whether the blocks are basic ones, not bottlenecks."""
        return self.depth in (18, 34)


@dataclass(frozen=True)
class Stage:
    """One stage of a network: its blocks work at one resolution.

    Args:
        name: res2 to res5.
        num_blocks: number of blocks.
        in_channels: channels that the first block is given.
        bottleneck_channels: channels within a bottleneck.
        out_channels: output channels of every block.
        stride: of the first block; the others have 1.
        dilation: of the 3x3 convolutions.
        deforms: whether the 3x3 convolutions of bottlenecks are deformable.
    """

    name: str
    num_blocks: int
    in_channels: int
    bottleneck_channels: int
    out_channels: int
    stride: int
    dilation: int
    deforms: bool = False

    def build(self, style: BlockStyle) -> nn.Sequential:
        """Builds the blocks, the first one with the stride and the change of channels."""
        first = self._build_block(style, self.in_channels, self.stride)
        others = (self._build_block(style, self.out_channels, 1) for _ in range(1, self.num_blocks))
        return nn.Sequential(first, *others)

    def _build_block(self, style: BlockStyle, in_channels: int, stride: int) -> nn.Module:
        if style.is_basic:
            return BasicBlock(
                in_channels=in_channels,
                out_channels=self.out_channels,
                stride=stride,
                norm=style.norm,
            )
        build: Callable[..., nn.Module] = BottleneckBlock
        if self.deforms:
            build = partial(
                DeformBottleneckBlock,
                modulated=style.deform_modulated,
                num_offset_groups=style.deform_num_groups,
            )
        return build(
            in_channels=in_channels,
            bottleneck_channels=self.bottleneck_channels,
            out_channels=self.out_channels,
            stride=stride,
            stride_in_1x1=style.stride_in_1x1,
            num_groups=style.num_groups,
            dilation=self.dilation,
            norm=style.norm,
        )


def plan_stages(
    *,
    depth: Depth,
    num_stages: int,
    stem_out_channels: int,
    res2_out_channels: int,
    bottleneck_channels: int,
    res5_dilation: int,
    deform_on_per_stage: Sequence[bool] = (False,) * 4,
) -> Iterator[Stage]:
    """Yields the stages from res2 on; channels double from one to the next.

    Args:
        depth: number of layers of the network.
        num_stages: how many stages to plan, from 0 to 4.
        stem_out_channels: channels that res2 is given.
        res2_out_channels: output channels of res2.
        bottleneck_channels: channels within a bottleneck of res2.
        res5_dilation: dilation of res5; more than 1 replaces its stride.
        deform_on_per_stage: whether res2, res3, res4 and res5 have deformable convolutions.
    """
    in_channels = stem_out_channels
    for position, num_blocks in enumerate(_BLOCKS_PER_STAGE[depth][:num_stages]):
        name = STAGE_NAMES[position]
        dilation = res5_dilation if name == "res5" else 1
        yield Stage(
            name=name,
            num_blocks=num_blocks,
            in_channels=in_channels,
            bottleneck_channels=bottleneck_channels * 2**position,
            out_channels=res2_out_channels * 2**position,
            stride=1 if position == 0 or dilation > 1 else 2,
            dilation=dilation,
            deforms=deform_on_per_stage[position],
        )
        in_channels = res2_out_channels * 2**position
