"""Random values of the kinds that flow through detection graphs, for tests.

Each function draws from its own seed; torch's global generator is left alone.

Legend: N images. `_` stands for a dimension that may differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from composer.structures import (
    Boxes,
    Features,
    ImageBatch,
    RegionFeatures,
    RotatedBoxes,
    TensorShape,
)

_SIZE = (64, 96)


def random_batch(
    sizes: Sequence[tuple[int, int]] = (_SIZE,), *, channels: int = 3, seed: int = 0
) -> ImageBatch:
    """Images of noise from 0 to 255.

    Args:
        sizes: (height, width) of each image.
        channels: channels of every image.
        seed: where the values come from.
    """
    generator = torch.Generator().manual_seed(seed)
    images = [255 * torch.rand(channels, *size, generator=generator) for size in sizes]
    return ImageBatch([{"image": image} for image in images])


def random_features(
    shapes: Mapping[str, TensorShape],
    *,
    image_size: tuple[int, int] = _SIZE,
    num_images: int = 2,
    seed: int = 0,
) -> Features:
    """Normal noise on every level.

    Args:
        shapes: channels and stride of each level.
        image_size: padded (height, width) of the images; a level's size is this over its stride,
            rounded up.
        num_images: N.
        seed: where the values come from.

    Raises:
        ValueError: a level's channels or stride are left open.
    """
    generator = torch.Generator().manual_seed(seed)
    features: Features = {}
    for name, shape in shapes.items():
        if shape.channels is None or shape.stride is None:
            raise ValueError(f"The channels and the stride of '{name}' are required: {shape}.")
        height, width = (-(-side // shape.stride) for side in image_size)
        features[name] = torch.randn(num_images, shape.channels, height, width, generator=generator)
    return features


def random_regions(shape: TensorShape, *, num_regions: int = 3, seed: int = 0) -> RegionFeatures:
    """Normal noise for every region: R x C x H x W, or R x C where the shape has no rows.

    Args:
        shape: channels of a region, with rows and columns or without.
        num_regions: R.
        seed: where the values come from.

    Raises:
        ValueError: the channels are left open.
    """
    if shape.channels is None:
        raise ValueError(f"The channels are required: {shape}.")
    sides = [side for side in (shape.height, shape.width) if side is not None]
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_regions, shape.channels, *sides, generator=generator)


def random_boxes(
    counts: Sequence[int] = (3, 2), *, image_size: tuple[int, int] = _SIZE, seed: int = 0
) -> list[Boxes]:
    """Boxes within an image, each at least a pixel wide and high.

    Args:
        counts: number of boxes of each image.
        image_size: (height, width) of the images.
        seed: where the values come from.
    """
    generator = torch.Generator().manual_seed(seed)
    height, width = image_size
    limit = torch.tensor([width - 1.0, height - 1.0])
    found = []
    for count in counts:
        corners = torch.rand(2, count, 2, generator=generator) * limit
        low, high = corners.amin(dim=0), corners.amax(dim=0) + 1
        found.append(Boxes(torch.cat((low, high), dim=1)))
    return found


def random_rotated_boxes(
    counts: Sequence[int] = (3, 2), *, image_size: tuple[int, int] = _SIZE, seed: int = 0
) -> list[RotatedBoxes]:
    """Boxes at any angle with their centres within an image, each a pixel wide and high at least.

    Args:
        counts: number of boxes of each image.
        image_size: (height, width) of the images.
        seed: where the values come from.
    """
    generator = torch.Generator().manual_seed(seed)
    found = []
    for upright in random_boxes(counts, image_size=image_size, seed=seed):
        angles = 360 * torch.rand(len(upright), 1, generator=generator) - 180
        rows = RotatedBoxes.from_boxes(upright).tensor
        found.append(RotatedBoxes(torch.cat((rows[:, :4], angles), dim=1)))
    return found
