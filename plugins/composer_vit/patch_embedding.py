"""From an image to a map of vectors, one a patch.

Legend: N images, C channels, H W height and width in pixels, Y X in patches.
"""

from jaxtyping import Float
from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    """Embeds patches of an image by a convolution.

    Args:
        in_channels: channels of the image.
        out_channels: channels of a patch's vector.
        kernel_size: side of what a vector is computed from, in pixels.
        stride: pixels from one patch to the next.
        padding: zeros around the image.
        has_norm: whether vectors are normalised.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        padding: int = 0,
        has_norm: bool = False,
    ) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding)
        self.norm = nn.LayerNorm(out_channels) if has_norm else None

    def forward(self, x: Float[Tensor, "N _ H W"]) -> Float[Tensor, "N Y X C"]:
        """Returns the patches' vectors, channels last."""
        x = self.proj(x).permute(0, 2, 3, 1)
        return x if self.norm is None else self.norm(x)
