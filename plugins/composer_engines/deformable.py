"""Finds deformable convolutions, for which engines have no operation."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torchvision.ops import DeformConv2d


def has_deformable_convs(function: Callable[..., Any]) -> bool:
    """Whether what a node calls holds deformable convolutions.

    Args:
        function: the node's module or function.
    """
    return isinstance(function, nn.Module) and any(
        isinstance(module, DeformConv2d) for module in function.modules()
    )
