"""Every pixel of an image with its class, and with the object that it belongs to.

Legend: H W the image's height and width, `_` the number of segments.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Int, Shaped
from torch import Tensor


class PanopticSegmentation(NamedTuple):
    """The segments of an image (Kirillov et al. 2019, Panoptic Segmentation).

    It is a pair, as detectron2's evaluation and drawing take it.

    Args:
        segment_ids: for each pixel its segment's id, 0 for none.
        segments_info: for each segment a dict with `id`, `category_id` and `isthing`: whether it is
            an object. Objects also have `score` and `instance_id`, others `area` (in pixels).
    """

    segment_ids: Int[Tensor, "H W"]
    segments_info: list[dict[str, Any]]

    def summary(self) -> str:
        """Describes it in a few words."""
        height, width = self.segment_ids.shape
        num_things = sum(info["isthing"] for info in self.segments_info)
        num_others = len(self.segments_info) - num_things
        return f"{height}x{width} with {num_things} things and {num_others} regions of stuff"

    def list_tensors(self) -> dict[str, Tensor]:
        """The same as tensors only: the map, and a row for each segment, whose id is its place + 1.

        Returns:
            `segment_ids`, `category_ids`, `are_things`, `scores` (0 for stuff), `areas` (0 for
            things), `instance_ids` (-1 for stuff).
        """
        infos = self.segments_info
        return {
            "segment_ids": self.segment_ids,
            "category_ids": _column(infos, "category_id", torch.int64),
            "are_things": _column(infos, "isthing", torch.bool),
            "scores": _column(infos, "score", torch.float32),
            "areas": _column(infos, "area", torch.int64),
            "instance_ids": _column(infos, "instance_id", torch.int64, missing=-1),
        }


def _column(
    infos: list[dict[str, Any]], key: str, dtype: torch.dtype, missing: int = 0
) -> Shaped[Tensor, "_"]:
    return torch.tensor([info.get(key, missing) for info in infos], dtype=dtype)
