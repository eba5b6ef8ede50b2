"""Anchors on every level of the features."""

from torch import nn

from composer.layers import AnchorLevels, Optimization
from composer.ops import make_cell_anchors
from composer.ranges import CellOffset, Positive
from composer.structures import (
    Anchors,
    Features,
    TensorShape,
    find_strides,
    pick_levels,
    zip_levels,
)
from composer.translation import translated_by


@translated_by("composer_rpn.onnx_translations:translate_anchors")
class AnchorGenerator(nn.Module):
    """Places anchor boxes of several sizes and shapes at every cell of every level.

    They depend on the size of the feature maps only, and are shared by the images of a batch.

    Args:
        features_shape: the levels that come in.
        in_features: the levels that get anchors; all by default.
        sizes: for each level the square roots of the anchors' areas, in pixels; a single entry
            serves all levels.
        aspect_ratios: for each level the anchors' height over width; a single entry serves all
            levels.
        offset: where in its cell an anchor's centre lies, from 0 (the upper left corner) to
            below 1.

    Raises:
        ValueError: a level does not exist or has no stride, or there are sizes or ratios for
            another number of levels.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        sizes: tuple[tuple[Positive, ...], ...] = ((32.0, 64.0, 128.0, 256.0, 512.0),),
        aspect_ratios: tuple[tuple[Positive, ...], ...] = ((0.5, 1.0, 2.0),),
        offset: CellOffset = 0.0,
    ) -> None:
        super().__init__()
        names = pick_levels(features_shape, in_features)
        per_level = zip_levels(len(names), sizes=sizes, aspect_ratios=aspect_ratios)
        self.levels = AnchorLevels(
            names,
            find_strides(features_shape, names),
            [make_cell_anchors(*one) for one in per_level],
            offset,
        )

    @property
    def num_cell_anchors(self) -> list[int]:
        """Number of anchors at each cell, level by level."""
        return self.levels.num_cell_anchors

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: of the features it needs the sizes only."""
        return Optimization(any_precision=True)

    def forward(self, features: Features) -> Anchors:
        """Returns the anchors of each level: row after row, all anchors of a cell together."""
        return self.levels(features)
