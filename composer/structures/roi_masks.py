"""Masks that are given within the objects' boxes.

Legend: R regions, M the side of a mask, H W the image's height and width.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from composer.structures.boxes import Boxes
from composer.structures.mask_pasting import paste_masks
from composer.structures.tensor_rows import TensorRows


class ROIMasks(TensorRows):
    """Foreground probabilities on a square grid over each object's box.

    Args:
        tensor: R x M x M.

    Raises:
        ValueError: it has not three dimensions, or the last two differ.
    """

    noun = "masks"
    tensor: Float[Tensor, "R M M"]

    def __init__(self, tensor: Float[Tensor, "..."]) -> None:
        if tensor.ndim != 3 or tensor.shape[1] != tensor.shape[2]:
            raise ValueError(f"Masks of regions are R x M x M, not {tuple(tensor.shape)}.")
        super().__init__(tensor)

    def __repr__(self) -> str:
        return f"ROIMasks(num_instances={len(self)}, mask_size={self.tensor.shape[-1]})"

    def summary(self) -> str:
        """Describes it in a few words."""
        side = self.tensor.shape[-1]
        return f"{len(self)} mask{'' if len(self) == 1 else 's'} of {side}x{side}"

    def paste(
        self, boxes: Boxes, image_size: tuple[int, int], threshold: float = 0.5
    ) -> Bool[Tensor, "R H W"]:
        """Resamples the masks into an image.

        Args:
            boxes: the box of each mask, in pixels of the image.
            image_size: the image's (height, width).
            threshold: a pixel belongs to the mask from this probability on.

        Raises:
            ValueError: the number of boxes differs from that of the masks.
        """
        if len(boxes) != len(self):
            raise ValueError(f"{len(boxes)} boxes for {len(self)} masks.")
        return paste_masks(self.tensor, boxes.tensor, image_size, threshold)
