"""The default boxes of SSD."""

from collections.abc import Sequence

import torch
from torch import nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList as TorchvisionImages

from composer.ranges import Fraction, Positive
from composer.structures import Anchors, Features, ImageList, TensorShape, pick_levels


class TorchvisionDefaultBoxes(nn.Module):
    """Places the default boxes of SSD as torchvision does (Liu et al. 2016, section 2.2).

    A cell has two squares, of its level's scale and of the mean of that and the next one, and
    for each aspect ratio an upright and a lying box. All are fractions of the padded image.

    Args:
        features_shape: the levels that come in.
        in_features: the levels that get boxes; all by default.
        aspect_ratios: for each level the aspect ratios beyond 1.
        scales: of each level and of one more, as fractions of the image's sides. By default they
            grow evenly from `min_ratio` to `max_ratio`, and 1 is the last one.
        min_ratio: the scale of the first level.
        max_ratio: the scale of the last level.
        steps: pixels from cell to cell, for each level; by default cells divide the image evenly.
        clip: whether sides are cut off at those of the image.

    Raises:
        ValueError: a level does not exist, or there are values for another number of levels.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        aspect_ratios: tuple[tuple[Positive, ...], ...],
        scales: tuple[Positive, ...] | None = None,
        min_ratio: Fraction = 0.15,
        max_ratio: Fraction = 0.9,
        steps: tuple[Positive, ...] | None = None,
        clip: bool = True,
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        num_levels = len(self.in_features)
        _check_count("aspect_ratios", aspect_ratios, num_levels)
        _check_count("steps", steps, num_levels)
        _check_count("scales", scales, num_levels + 1)
        self.boxes = DefaultBoxGenerator(
            [list(ratios) for ratios in aspect_ratios],
            min_ratio=min_ratio,
            max_ratio=max_ratio,
            scales=None if scales is None else list(scales),
            steps=None if steps is None else list(steps),
            clip=clip,
        )

    def forward(self, images: ImageList, features: Features) -> Anchors:
        """Returns the default boxes of each level: row after row, all boxes of a cell together.

        Args:
            images: for their padded size.
            features: for the sizes of the maps.
        """
        maps = [features[name] for name in self.in_features]
        # Boxes are of full precision, whatever the maps are, and the same in all images.
        grids = [map_.new_empty(1, 1, *map_.shape[-2:], dtype=torch.float32) for map_ in maps]
        sizes = [(images.tensor.shape[-2], images.tensor.shape[-1])]
        (boxes,) = self.boxes(TorchvisionImages(images.tensor, sizes), grids)
        per_cell = self.boxes.num_anchors_per_location()
        counts = [
            grid.shape[-2] * grid.shape[-1] * count
            for grid, count in zip(grids, per_cell, strict=True)
        ]
        return list(boxes.split(counts))


def _check_count(name: str, values: Sequence[object] | None, count: int) -> None:
    if values is not None and len(values) != count:
        raise ValueError(f"{name}: {len(values)} values are given, but {count} are expected.")
