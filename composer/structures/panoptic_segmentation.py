"""Every pixel of an image with its class, and with the object that it belongs to.

Legend: H W the image's height and width.
"""

from typing import Any, NamedTuple

from jaxtyping import Int
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
