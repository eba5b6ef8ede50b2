"""Layers that models are built from, and how their weights start."""

from composer.layers.anchor_levels import AnchorLevels
from composer.layers.conv import NormConv2d
from composer.layers.deform_conv import NormDeformConv2d
from composer.layers.frozen_batch_norm import FrozenBatchNorm2d, freeze_batch_norm
from composer.layers.norm import ChannelLayerNorm, NormName, build_norm
from composer.layers.pixel_normalization import PixelNormalization
from composer.layers.state_names import rename_state
from composer.layers.weight_init import init_msra, init_normal, init_xavier

__all__ = [
    "AnchorLevels",
    "ChannelLayerNorm",
    "FrozenBatchNorm2d",
    "NormConv2d",
    "NormDeformConv2d",
    "NormName",
    "PixelNormalization",
    "build_norm",
    "freeze_batch_norm",
    "init_msra",
    "init_normal",
    "init_xavier",
    "rename_state",
]
