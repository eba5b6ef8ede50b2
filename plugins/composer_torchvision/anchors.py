"""Anchors with whole coordinates.

Legend: A anchors of one cell. `_` is the number of anchors that come out.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers import Optimization
from composer.ranges import Positive
from composer.structures import Anchors, Features, ImageList, TensorShape, pick_levels
from composer.translation import translated_by


@translated_by("composer_torchvision.onnx_translations:translate_anchors")
class TorchvisionAnchors(nn.Module):
    """Places anchors as torchvision does: rounded, and by the strides that the maps really have.

    A map's stride is the size of the padded image over that of the map, rounded down, which is
    less than its name says where the map was rounded up. All sizes of the first aspect ratio
    come first, in each cell.

    Args:
        features_shape: the levels that come in.
        in_features: the levels that get anchors; all by default.
        sizes: for each level the square roots of the anchors' areas, in pixels.
        aspect_ratios: for all levels the anchors' height over width.

    Raises:
        ValueError: a level does not exist, or there are sizes for another number of levels.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        in_features: tuple[str, ...] | None = None,
        sizes: tuple[tuple[Positive, ...], ...] = ((32.0,), (64.0,), (128.0,), (256.0,), (512.0,)),
        aspect_ratios: tuple[Positive, ...] = (0.5, 1.0, 2.0),
    ) -> None:
        super().__init__()
        self.in_features = pick_levels(features_shape, in_features)
        if len(sizes) != len(self.in_features):
            raise ValueError(
                f"sizes are given for {len(sizes)} levels, but there are {len(self.in_features)}."
            )
        for level, level_sizes in enumerate(sizes):
            cell_anchors = make_rounded_anchors(level_sizes, aspect_ratios)
            self.register_buffer(f"cell_anchors_{level}", cell_anchors, persistent=False)

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: of the features it needs the sizes only."""
        return Optimization(any_precision=True)

    def forward(self, images: ImageList, features: Features) -> Anchors:
        """Returns the anchors of each level: row after row, all anchors of a cell together.

        Args:
            images: for their padded size.
            features: for the sizes of the maps.
        """
        height, width = images.tensor.shape[-2:]
        anchors = []
        for level, name in enumerate(self.in_features):
            rows, columns = features[name].shape[-2:]
            cell_anchors = self.get_buffer(f"cell_anchors_{level}")
            strides = (height // rows, width // columns)
            anchors.append(repeat_anchors(cell_anchors, (rows, columns), strides))
        return anchors


def make_rounded_anchors(
    sizes: Sequence[float], aspect_ratios: Sequence[float]
) -> Float[Tensor, "_ 4"]:
    """Returns the anchors of one cell around the origin, XYXY, rounded to whole pixels.

    Args:
        sizes: square roots of the anchors' areas, in pixels.
        aspect_ratios: height over width; all sizes of the first one come first.
    """
    stretch = torch.tensor(aspect_ratios, dtype=torch.float32).sqrt()
    side = torch.tensor(sizes, dtype=torch.float32)
    heights = torch.outer(stretch, side).flatten()
    widths = torch.outer(stretch.reciprocal(), side).flatten()
    return (torch.stack((-widths, -heights, widths, heights), dim=1) / 2).round()


def repeat_anchors(
    cell_anchors: Float[Tensor, "A 4"], grid_size: tuple[int, int], strides: tuple[int, int]
) -> Float[Tensor, "_ 4"]:
    """Repeats the anchors of a cell over a map, around each cell's upper left corner.

    Args:
        cell_anchors: the anchors around the origin, XYXY in pixels.
        grid_size: the map's (height, width).
        strides: pixels a cell, (down, to the right).
    """
    y, x = (
        torch.arange(count, device=cell_anchors.device, dtype=cell_anchors.dtype) * stride
        for count, stride in zip(grid_size, strides, strict=True)
    )
    y, x = torch.meshgrid(y, x, indexing="ij")
    corners = torch.stack((x, y, x, y), dim=2).reshape(-1, 1, 4)
    return (corners + cell_anchors).reshape(-1, 4)
