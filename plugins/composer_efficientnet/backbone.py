"""EfficientNet-Lite without its classifier.

Legend: N images.
"""

from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import nn

from composer.layers import NormName, Optimization, freeze_batch_norm
from composer.structures import Features, ImageList, TensorShape
from composer_efficientnet.blocks import InvertedResidual, PaddedConv2d
from composer_efficientnet.fused_blocks import fold_backbone
from composer_efficientnet.variants import STEM_CHANNELS, Variant, plan_blocks

LevelName: TypeAlias = Literal["c1", "c2", "c3", "c4", "c5"]

# TensorFlow's; its momentum of 0.99 is 0.01 in torch.
_NORM_EPS, _NORM_MOMENTUM = 1e-3, 0.01


class EfficientNetLite(nn.Module):
    """An EfficientNet-Lite that returns its levels' feature maps (Tan and Le 2019; Lite of 2020).

    A level is the last map of its stride; blocks after the last one of `out_features` are not
    built. Images are RGB, normalised by (x - 127) / 128 for the published weights.

    Args:
        images_shape: what comes in.
        variant: which of the family.
        out_features: the levels to give, of c1 to c5, with strides of 2, 4, 8, 16 and 32.
        norm: name of the normalisation. A frozen one costs no time of its own.
        freeze_at: the first so many of the stem, c1, c2, ... are not trainable and do not update
            their statistics; 0 for none.
        drop_connect: how likely an image passes by the last block in training; less likely the
            earlier the block. 0.2 is usual in training from nothing.

    Raises:
        ValueError: no level is asked for, or `drop_connect` is no chance below 1.
    """

    def __init__(
        self,
        *,
        images_shape: TensorShape,
        variant: Variant = "lite0",
        out_features: tuple[LevelName, ...] = ("c2", "c3", "c4", "c5"),
        norm: NormName = "FrozenBN",
        freeze_at: int = 2,
        drop_connect: float = 0.0,
    ) -> None:
        super().__init__()
        if not out_features:
            raise ValueError("out_features names no level: take some of c1, c2, c3, c4, c5.")
        if not 0 <= drop_connect < 1:
            raise ValueError(f"drop_connect is a chance from 0 to below 1, not {drop_connect}.")
        self.stem = PaddedConv2d(
            images_shape.channels or 3,
            STEM_CHANNELS,
            3,
            stride=2,
            norm=norm,
            activation=F.relu6,
        )
        plans = list(plan_blocks(variant))
        levels = _find_levels([plan.stride for plan in plans])
        last = max(levels[name] for name in out_features)
        self.blocks = nn.ModuleList(
            InvertedResidual(plan, norm=norm, drop_rate=drop_connect * index / len(plans))
            for index, plan in enumerate(plans[: last + 1])
        )
        self._level_ends = {index: name for name, index in levels.items() if index <= last}
        self._output_shape: dict[str, TensorShape] = {
            name: TensorShape(plans[index].out_channels, stride=2 ** int(name[1:]))
            for name, index in levels.items()
            if name in out_features
        }
        self._set_norm_constants()
        self._freeze(freeze_at)

    @property
    def draws(self) -> bool:
        """Whether images are dropped in training."""
        return any(getattr(block, "drop_rate", 0) > 0 for block in self.blocks)

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels of `out_features`, finest first."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: folded, channels last, lower precision."""
        return Optimization.of_dense(fold_backbone)

    def forward(self, images: ImageList, generator: torch.Generator | None = None) -> Features:
        """Returns the feature maps that were asked for, by name, finest first.

        Args:
            images: normalised and padded.
            generator: what images are dropped with; used in training only.
        """
        features: Features = {}
        x = self.stem(images.tensor)
        for index, block in enumerate(self.blocks):
            x = block(x, generator)
            level = self._level_ends.get(index)
            if level in self._output_shape:
                features[level] = x
        return features

    def _set_norm_constants(self) -> None:
        norms: list[Any] = [module for module in self.modules() if hasattr(module, "eps")]
        for norm in norms:
            norm.eps = _NORM_EPS
            if hasattr(norm, "momentum"):
                norm.momentum = _NORM_MOMENTUM

    def _freeze(self, num_levels: int) -> None:
        if num_levels > 0:
            freeze_batch_norm(self.stem).requires_grad_(False)
        ends = {name: index for index, name in self._level_ends.items()}
        frozen = list(ends.values())[: max(num_levels - 1, 0)]
        for block in self.blocks[: frozen[-1] + 1 if frozen else 0]:
            freeze_batch_norm(block).requires_grad_(False)


def _find_levels(strides: list[int]) -> dict[LevelName, int]:
    """Returns the last block of each stride, by level."""
    names: tuple[LevelName, ...] = ("c1", "c2", "c3", "c4", "c5")
    starts = [index for index, stride in enumerate(strides) if stride > 1]
    ends = [*(start - 1 for start in starts), len(strides) - 1]
    return dict(zip(names, ends, strict=True))
