"""Stochastic depth: in training, whole images pass a layer by (Huang et al. 2016).

Legend: N images.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from composer.ranges import Chance


class DropPath(nn.Module):
    """Drops the branch of a residual block, image by image, in training.

    It has no weights.

    Args:
        rate: how likely an image is dropped.
    """

    def __init__(self, rate: Chance = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def forward(
        self, x: Float[Tensor, "N *_"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "N *_"]:
        """Returns the branch to add to the block's input.

        Args:
            x: the branch's values.
            generator: for sampling, that of the node; without one, no image is dropped.
        """
        if not self.training or generator is None or self.rate == 0:
            return x
        return drop_path(x, self.rate, generator)

    def extra_repr(self) -> str:
        """Shows the configuration."""
        return f"rate={self.rate:.4g}"


def drops_paths(module: nn.Module) -> bool:
    """Whether a module has layers that drop images in training."""
    return any(isinstance(inner, DropPath) and inner.rate > 0 for inner in module.modules())


def drop_path(
    x: Float[Tensor, "N *_"], rate: float, generator: torch.Generator
) -> Float[Tensor, "N *_"]:
    """Sets the values of some images to zero, and scales those of the others up to make up for it.

    Args:
        x: values of some images.
        rate: how likely an image is dropped, below 1.
        generator: for sampling.
    """
    draws = torch.rand(len(x), *(1,) * (x.ndim - 1), generator=generator, device=generator.device)
    kept = (draws >= rate).to(x)
    return x * (kept / (1 - rate))
