"""A linear layer for inference, whose weights are laid out once for the processor.

Legend: R rows.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from composer.layers.packed_module import PackedModule


class PackedLinear(PackedModule):
    """A linear layer in inference. torch's own lays its weights out at each call.

    Args:
        weight: the weights, outputs by inputs.
        bias: the bias; None for none.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight, bias)
        self.out_features = len(weight)

    def forward(self, x: Float[Tensor, "R _"]) -> Float[Tensor, "R _"]:
        """Returns the outputs of each row."""
        if self.weight is None and len(x) == 0:  # no need for it
            return x.new_empty((0, self.out_features))
        if not self._is_packable(x) or not can_pack_linear(x.dtype):
            return F.linear(x, self.find_weight(), self.bias)
        found: Tensor = torch.ops.mkldnn._linear_pointwise(
            x, self.find_packed(x), self.bias, "none", [], ""
        )
        return found

    def _pack(self, weight: Tensor, x: Tensor) -> Tensor:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, len(x))
        return packed


@lru_cache
def can_pack_linear(dtype: torch.dtype) -> bool:
    """Whether torch's operator is there and computes what the plain one does."""
    with torch.inference_mode(False), torch.no_grad(), torch.device("cpu"):
        weight = torch.linspace(-1, 1, 8 * 24).reshape(8, 24).to(dtype)
        x, bias = torch.linspace(-1, 1, 120).reshape(5, 24).to(dtype), torch.ones(8, dtype=dtype)
        packed = PackedLinear(weight, bias)
        try:
            found = torch.ops.mkldnn._linear_pointwise(
                x, packed._pack(weight, x), packed.bias, "none", [], ""
            )
        except (RuntimeError, AttributeError, TypeError, NotImplementedError):
            return False
        plain = F.linear(x.float(), weight.float(), bias.float())
        is_close = torch.allclose(found.float(), plain, rtol=0.05, atol=0.05)
        return is_close and torch.equal(packed._pack(weight, x).to_dense(), weight)
