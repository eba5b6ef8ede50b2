"""Layers that models are built from, and how their weights start."""

from composer.layers.anchor_levels import AnchorLevels
from composer.layers.conv import NormConv2d, init_msra, init_normal, init_xavier
from composer.layers.deform_conv import NormDeformConv2d
from composer.layers.drop_path import DropPath, drop_path, drops_paths
from composer.layers.engine import Compiled, Engine, EnginePart, EngineTensor
from composer.layers.folding import copy_structure, fold_norms
from composer.layers.fused_conv import FusedConv2d, fuse_conv, is_foldable, is_fusible
from composer.layers.norm import (
    ChannelLayerNorm,
    FrozenBatchNorm2d,
    NormName,
    build_norm,
    freeze_batch_norm,
)
from composer.layers.observed_folding import fold_observed
from composer.layers.optimization import Optimization
from composer.layers.packed_linear import PackedLinear
from composer.layers.pixel_normalization import PixelNormalization
from composer.layers.recomputation import call_block, call_recomputed
from composer.layers.state_names import rename_state
from composer.layers.top_blocks import MaxPoolTop, P6P7Top

__all__ = [
    "AnchorLevels",
    "ChannelLayerNorm",
    "Compiled",
    "DropPath",
    "Engine",
    "EnginePart",
    "EngineTensor",
    "FrozenBatchNorm2d",
    "FusedConv2d",
    "MaxPoolTop",
    "NormConv2d",
    "NormDeformConv2d",
    "NormName",
    "Optimization",
    "P6P7Top",
    "PackedLinear",
    "PixelNormalization",
    "build_norm",
    "call_block",
    "call_recomputed",
    "copy_structure",
    "drop_path",
    "drops_paths",
    "fold_norms",
    "fold_observed",
    "freeze_batch_norm",
    "fuse_conv",
    "init_msra",
    "init_normal",
    "init_xavier",
    "is_foldable",
    "is_fusible",
    "rename_state",
]
