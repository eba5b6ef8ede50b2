"""The two linear layers of a transformer's block.

Legend: C channels.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Mlp(nn.Module):
    """Two linear layers with a GELU between them.

    Args:
        in_channels: channels of the input.
        hidden_channels: channels between the layers.
        out_channels: channels of the output, those of the input by default.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, out_channels: int | None = None
    ) -> None:
        super().__init__()
        self.fc1 = nn.Linear(in_channels, hidden_channels)
        self.fc2 = nn.Linear(hidden_channels, out_channels or in_channels)

    def forward(self, x: Float[Tensor, "*_ _"]) -> Float[Tensor, "*_ C"]:
        """Returns the vectors that come out."""
        return self.fc2(F.gelu(self.fc1(x)))


def init_transformer(module: nn.Module) -> None:
    """Initialises the linear layers and layer norms inside a module as transformers do.

    Weights are normal with a deviation of 0.02, cut off at two; biases are zero.
    """
    for inner in module.modules():
        if isinstance(inner, nn.Linear):
            nn.init.trunc_normal_(inner.weight, std=0.02)
            if inner.bias is not None:
                nn.init.zeros_(inner.bias)
        elif isinstance(inner, nn.LayerNorm):
            nn.init.ones_(inner.weight)
            nn.init.zeros_(inner.bias)
