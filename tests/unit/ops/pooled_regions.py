"""Maps and regions that every way of pooling is compared on with torchvision's operator."""

import torch
from torch import Tensor

_BOXES = [
    (5, 5, 5, 5), (9, 9, 3, 3), (-500, -500, -400, -400), (900, 900, 1000, 1000),
    (-1000, -1000, 1000, 1000), (0, 0, 95, 95), (4, 4, 4.001, 90), (87.9, 87.9, 96, 96),
    (-12, -12, 8, 8), (-4.0, 0, 4.0, 8),
    (95.99, 0, 96.01, 50), (0, 0, 1e-30, 1e-30),
]  # fmt: skip
HARD_REGIONS = torch.tensor([(0.0, *box) for box in _BOXES])


def make_map(*shape: int, seed: int = 0) -> Tensor:
    """Random values."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_regions(count: int, images: int = 1, size: float = 96.0, seed: int = 1) -> Tensor:
    """Random regions, each the number of its image and a box, of which some leave the image."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * size * 1.4 - size * 0.2
    extent = torch.rand(count, 2, generator=generator) * size * 0.8
    image = torch.randint(0, images, (count, 1), generator=generator).float()
    return torch.cat([image, corner, corner + extent], dim=1)


def regions_without(number: float) -> Tensor:
    """Regions with a coordinate that is no number, with which torchvision crashes."""
    boxes = [(number, 0, 10, 10), (0, 0, number, 10), (0, number, 9, number), (number,) * 4]
    return torch.tensor([(0.0, *box) for box in boxes])


def assert_close(found: Tensor, expected: Tensor) -> None:
    """Equal up to the rounding of sums, which grows with the largest value."""
    assert found.shape == expected.shape
    largest = expected.nan_to_num(0, 0, 0).abs().max() if expected.numel() else 0
    torch.testing.assert_close(found, expected, rtol=0, atol=float(1e-5 * largest), equal_nan=True)
