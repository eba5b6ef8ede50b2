"""Checkpoints of transformers' networks, with the names that their weights have in backbones.

transformers renamed parts of its networks and kept the names in files; a classifier has its
network under the network's name, beside its head.
"""

import re
from collections.abc import Collection, Mapping

from torch import Tensor

_SWIN = r"encoder\.layers\.\d+\.blocks\.\d+\."
_DINO = r"encoder\.layer\.\d+\.attention\."
_START = r"^((?:[a-z]\w*\.)?)"
_RULES = (
    (rf"{_START}({_SWIN})attention\.self\.(q|k|v)(?:uery|ey|alue)\.", r"\1\2attention.\3_proj."),
    (
        rf"{_START}({_SWIN})attention\.self\.relative_position_bias_table$",
        r"\1\2attention.relative_position_bias.relative_position_bias_table",
    ),
    (rf"{_START}({_SWIN})attention\.output\.dense\.", r"\1\2attention.o_proj."),
    (rf"{_START}({_SWIN})intermediate\.dense\.", r"\1\2mlp.fc1."),
    (rf"{_START}({_SWIN})output\.dense\.", r"\1\2mlp.fc2."),
    (rf"{_START}({_DINO})attention\.(q|k|v)(?:uery|ey|alue)\.", r"\1\2\3_proj."),
    (rf"{_START}({_DINO})output\.dense\.", r"\1\2o_proj."),
    (r"^(layer\.\d+\.(?:norm1|norm2|attention|mlp|layer_scale\d)\.)", r"model.\1"),
)
_COMPILED = tuple((re.compile(old), new) for old, new in _RULES)


class BackboneMapping:
    """The key mapping of files of Swin, DINOv2 and DINOv3 that transformers saved."""

    name = "transformers_backbone"
    matches_by_suffix = True  # a backbone has a place of its own in a graph

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether there are names that transformers uses in files only."""
        return any(_rename(key) != key for key in keys)

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors as `transformers_backbone` names them."""
        return {_rename(key): tensor for key, tensor in tensors.items()}


def _rename(key: str) -> str:
    for pattern, replacement in _COMPILED:
        renamed = pattern.sub(replacement, key)
        if renamed != key:
            return renamed
    return key
