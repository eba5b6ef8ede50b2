"""Anchors at several angles on every level of the features."""

from torch import nn

from composer.ops import make_rotated_cell_anchors, place_rotated_anchors
from composer.structures import (
    Features,
    RotatedAnchors,
    TensorShape,
    find_strides,
    pick_levels,
    repeat_for_levels,
)


class RotatedAnchorGenerator(nn.Module):
    """Places anchors of several sizes, shapes and angles at every cell of every level.

    They depend on the size of the feature maps only, and are shared by the images of a batch
    (Ma et al. 2018, section 3.2).

    Args:
        features_shape: the levels that come in.
        in_features: the levels that get anchors; all by default.
        sizes: for each level the square roots of the anchors' areas, in pixels; a single entry
            serves all levels.
        aspect_ratios: for each level the anchors' height over width; a single entry serves all
            levels.
        angles: for each level the anchors' angles, counter-clockwise in degrees; a single entry
            serves all levels.
        offset: where in its cell an anchor's centre lies, from 0 (the upper left corner) to
            below 1.

    Raises:
        ValueError: a level does not exist or has no stride, or there are sizes, ratios or angles
            for another number of levels.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        sizes: tuple[tuple[float, ...], ...] = ((32.0, 64.0, 128.0, 256.0, 512.0),),
        aspect_ratios: tuple[tuple[float, ...], ...] = ((0.5, 1.0, 2.0),),
        angles: tuple[tuple[float, ...], ...] = ((-90.0, 0.0, 90.0),),
        offset: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= offset < 1:
            raise ValueError(f"offset is a part of a cell, from 0 to below 1, not {offset}.")
        self.in_features = pick_levels(features_shape, in_features)
        self.offset = offset
        self.strides = find_strides(features_shape, self.in_features)
        per_level = zip(
            repeat_for_levels(sizes, len(self.strides), "sizes"),
            repeat_for_levels(aspect_ratios, len(self.strides), "aspect_ratios"),
            repeat_for_levels(angles, len(self.strides), "angles"),
            strict=True,
        )
        for level, values in enumerate(per_level):
            cell_anchors = make_rotated_cell_anchors(*values)
            self.register_buffer(f"cell_anchors_{level}", cell_anchors, persistent=False)

    def forward(self, features: Features) -> RotatedAnchors:
        """Returns the anchors of each level: row after row, all anchors of a cell together."""
        return [
            place_rotated_anchors(
                self.get_buffer(f"cell_anchors_{level}"),
                (features[name].shape[-2], features[name].shape[-1]),
                stride,
                self.offset,
            )
            for level, (name, stride) in enumerate(zip(self.in_features, self.strides, strict=True))
        ]
