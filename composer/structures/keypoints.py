"""Keypoints of objects.

Legend: N instances, K keypoints each, S the side of a heatmap.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from composer.structures.tensor_rows import TensorRows


class Keypoints(TensorRows):
    """Keypoints as (x, y, visibility), in COCO's sense.

    Visibility is 0 for unlabelled, 1 for labelled but hidden, 2 for visible; predictions hold a
    score there. x and y are continuous, in pixels: COCO's integers plus 0.5.

    Args:
        keypoints: N x K x 3, a tensor or anything `torch.as_tensor` takes.

    Raises:
        ValueError: the shape is another one.
    """

    noun = "keypoints"
    tensor: Float[Tensor, "N K 3"]

    def __init__(self, keypoints: Tensor | NDArray[Any] | Sequence[Any]) -> None:
        tensor = torch.as_tensor(keypoints).to(torch.float32)
        if tensor.ndim != 3 or tensor.shape[2] != 3:
            raise ValueError(f"Keypoints are N x K x 3, not {tuple(tensor.shape)}.")
        super().__init__(tensor)

    def __repr__(self) -> str:
        return f"Keypoints(num_instances={len(self)}, num_keypoints={self.tensor.shape[1]})"

    def summary(self) -> str:
        """Describes it in a few words."""
        return f"{len(self)}x{self.tensor.shape[1]} keypoints"

    def to_heatmap(
        self, boxes: Float[Tensor, "N 4"], heatmap_size: int
    ) -> tuple[Int[Tensor, "N K"], Int[Tensor, "N K"]]:
        """Finds the cell of a square heatmap over each instance's box that each keypoint is in.

        A keypoint on the box's right or lower border belongs to the last column or row
        (He et al. 2017, section 5).

        Args:
            boxes: one box per instance, XYXY in pixels.
            heatmap_size: S.

        Returns:
            The cells, row by row, as an index from 0 to S * S - 1; and for each keypoint 1 when
            it is labelled and inside its box, otherwise 0. The cell of such a one is 0.

        Raises:
            ValueError: the number of boxes differs from that of the instances.
        """
        if len(boxes) != len(self):
            raise ValueError(f"{len(boxes)} boxes for {len(self)} instances.")
        corner, far_corner = boxes[:, None, :2], boxes[:, None, 2:]
        points, visibility = self.tensor[..., :2], self.tensor[..., 2]
        cells = ((points - corner) * (heatmap_size / (far_corner - corner))).floor().long()
        cells = torch.where(points == far_corner, heatmap_size - 1, cells)
        inside = ((cells >= 0) & (cells < heatmap_size)).all(dim=2)
        valid = (inside & (visibility > 0)).long()
        return (cells[..., 1] * heatmap_size + cells[..., 0]) * valid, valid
