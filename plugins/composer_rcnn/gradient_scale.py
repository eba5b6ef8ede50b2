"""A brake on gradients."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from composer.structures import RegionFeatures


def gradient_scale(x: RegionFeatures, *, scale: float = 1.0) -> RegionFeatures:
    """Passes features on, and scales the gradient that comes back.

    The stages of a cascade share their features: at a third each, they learn as fast from three
    stages as from one.

    Args:
        x: what is passed on.
        scale: factor of the gradient.
    """
    if not x.requires_grad:
        return x
    return _ScaledGradient.apply(x, scale)


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "..."], scale: float) -> Float[Tensor, "..."]:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "..."]) -> tuple[Float[Tensor, "..."], None]:
        return gradient * ctx.scale, None
