"""The parts of a RegNet.

Weights are named as in pycls and detectron2: a normalisation is beside its convolution.
Legend: N images, C channels.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import NormName, build_norm, init_msra
from composer_regnet.widths import StagePlan

Map = Float[Tensor, "N _ _ _"]


@dataclass(frozen=True)
class BlockStyle:
    """The options of all blocks of a network.

    Args:
        norm: name of the normalisation.
        se_ratio: channels of a squeeze-and-excitation over those of the block's input; 0 for
            blocks without.
    """

    norm: NormName
    se_ratio: float


class Stem(nn.Module):
    """A 3x3 convolution that halves the resolution.

    Args:
        in_channels: channels of the images.
        out_channels: channels of the output.
        norm: name of the normalisation.
    """

    stride = 2

    def __init__(self, *, in_channels: int, out_channels: int, norm: NormName) -> None:
        super().__init__()
        self.conv = _build_conv(in_channels, out_channels, 3, stride=2)
        self.bn = build_norm(norm, out_channels)

    def forward(self, x: Map) -> Map:
        """Returns a map at half of the resolution."""
        return F.relu(_normalize(self.conv(x), self.bn))


class SqueezeExcitation(nn.Module):
    """Scales each channel by a factor that depends on the averages of all (Hu et al. 2018).

    Args:
        channels: channels of the map.
        inner_channels: channels between the two layers.
    """

    def __init__(self, channels: int, inner_channels: int) -> None:
        super().__init__()
        self.f_ex = nn.Sequential(
            nn.Conv2d(channels, inner_channels, 1),
            nn.ReLU(),
            nn.Conv2d(inner_channels, channels, 1),
            nn.Sigmoid(),
        )
        for layer in (self.f_ex[0], self.f_ex[2]):
            assert isinstance(layer, nn.Conv2d)
            init_msra(layer)

    def forward(self, x: Float[Tensor, "N C _ _"]) -> Float[Tensor, "N C _ _"]:
        """Returns the scaled map."""
        return x * self.f_ex(F.adaptive_avg_pool2d(x, 1))


class Transform(nn.Module):
    """A 1x1, a grouped 3x3 and a 1x1 convolution, with squeeze-and-excitation after the second.

    Args:
        in_channels: channels of the input.
        plan: width and groups.
        stride: of the 3x3 convolution.
        style: options of all blocks.
    """

    def __init__(
        self, *, in_channels: int, plan: StagePlan, stride: int, style: BlockStyle
    ) -> None:
        super().__init__()
        inner = plan.bottleneck_width
        se_channels = round(in_channels * style.se_ratio)
        self.a = _build_conv(in_channels, inner, 1)
        self.a_bn = build_norm(style.norm, inner)
        self.b = _build_conv(inner, inner, 3, stride=stride, groups=plan.num_groups)
        self.b_bn = build_norm(style.norm, inner)
        self.se = SqueezeExcitation(inner, se_channels) if se_channels else None
        self.c = _build_conv(inner, plan.width, 1)
        self.c_bn = build_norm(style.norm, plan.width)

    def forward(self, x: Map) -> Map:
        """Returns the map that is added to the shortcut."""
        x = F.relu(_normalize(self.a(x), self.a_bn))
        x = F.relu(_normalize(self.b(x), self.b_bn))
        if self.se is not None:
            x = self.se(x)
        return _normalize(self.c(x), self.c_bn)


class Block(nn.Module):
    """A residual bottleneck: the X block, or the Y block with squeeze-and-excitation.

    Args:
        in_channels: channels of the input.
        plan: width and groups.
        stride: of the block.
        style: options of all blocks.
    """

    def __init__(
        self, *, in_channels: int, plan: StagePlan, stride: int, style: BlockStyle
    ) -> None:
        super().__init__()
        self.proj: nn.Conv2d | None = None
        self.bn: nn.Module | None = None
        if in_channels != plan.width or stride != 1:
            self.proj = _build_conv(in_channels, plan.width, 1, stride=stride)
            self.bn = build_norm(style.norm, plan.width)
        self.f = Transform(in_channels=in_channels, plan=plan, stride=stride, style=style)

    def forward(self, x: Map) -> Map:
        """Returns the activated sum of both ways."""
        shortcut = x if self.proj is None else _normalize(self.proj(x), self.bn)
        return F.relu(shortcut + self.f(x))


def build_stage(*, in_channels: int, plan: StagePlan, stride: int, style: BlockStyle) -> nn.Module:
    """Builds the blocks b1, b2, ... of a stage; the first one has the stride."""
    stage = nn.Sequential()
    for index in range(plan.num_blocks):
        block = Block(in_channels=in_channels, plan=plan, stride=stride, style=style)
        stage.add_module(f"b{index + 1}", block)
        in_channels, stride = plan.width, 1
    return stage


def _build_conv(
    in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    conv = nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        padding=kernel_size // 2,
        groups=groups,
        bias=False,
    )
    init_msra(conv)
    return conv


def _normalize(x: Map, norm: nn.Module | None) -> Map:
    return x if norm is None else norm(x)
