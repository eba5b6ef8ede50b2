"""Checkpoints of PointRend's first version with the names of the second."""

from collections.abc import Collection, Mapping

from torch import Tensor

_COARSE = "roi_heads.mask_coarse_head."
_STARTS = {
    f"{_COARSE}coarse_mask_fc": "roi_heads.mask_head.coarse_head.fc",
    _COARSE: "roi_heads.mask_head.coarse_head.",
    "roi_heads.mask_point_head.": "roi_heads.mask_head.point_head.",
}


class PointRendMapping:
    """The key mapping of PointRend's checkpoints for objects from before its mask head had parts.

    Those that detectron2's project publishes are among them.
    """

    name = "point_rend"
    matches_by_suffix = False

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether there is a coarse head beside the other region heads, not within a mask head."""
        return any(key.startswith(_COARSE) for key in keys)

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors as this plugin names them."""
        return {_rename(key): tensor for key, tensor in tensors.items()}


def _rename(key: str) -> str:
    start = next((start for start in _STARTS if key.startswith(start)), None)
    return key if start is None else _STARTS[start] + key.removeprefix(start)
