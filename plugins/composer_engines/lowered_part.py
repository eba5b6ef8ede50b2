"""A set of nodes in a lower precision, which takes and gives what the set does."""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from composer.layers import EnginePart


class LoweredPart(nn.Module):
    """Casts what enters, runs a cast copy of the nodes, and casts back what leaves.

    Args:
        module: the nodes in the lower precision.
        dtype: the lower precision.
        outputs: the dtypes of what leaves.
    """

    def __init__(
        self, module: nn.Module, dtype: torch.dtype, outputs: tuple[torch.dtype, ...]
    ) -> None:
        super().__init__()
        self.module, self._dtype, self._outputs = module, dtype, outputs

    @staticmethod
    def of(part: EnginePart, dtype: torch.dtype) -> EnginePart:
        """The same set in a lower precision.

        Args:
            part: the set, whose weights stay as they are.
            dtype: the precision.
        """
        lowered = copy.deepcopy(part.module).to(dtype)
        outputs = tuple([each.dtype for each in part.outputs])
        return replace(part, module=LoweredPart(lowered, dtype, outputs))

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Returns what the nodes compute, in their own dtypes."""
        lowered = [each.to(self._dtype) if each.is_floating_point() else each for each in tensors]
        found = self.module(*lowered)
        return tuple([each.to(kind) for each, kind in zip(found, self._outputs, strict=True)])
