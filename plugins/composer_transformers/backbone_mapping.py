"""Checkpoints of transformers' networks, with the names that their weights have in backbones.

transformers renamed parts of its networks and kept the names in files; a classifier has its
network under the network's name, beside its head.
"""

import re
from collections.abc import Collection, Mapping

from torch import Tensor

_SWIN = r"encoder\.layers\.\d+\.blocks\.\d+\."
_DINO = r"encoder\.layer\.\d+\.attention\."
_SWIN_V2 = ".continuous_position_bias_mlp."  # which has the old names of Swin in models, too
_START = r"^((?!model\.)(?:[a-z]\w*\.)?)"  # `model` has that of MaskFormer, whose names stay
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
        return any(name != key for key, name in read_network_names(keys).items())

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Returns the tensors as `transformers_backbone` names them."""
        names = read_network_names(tensors)
        return {names[key]: tensor for key, tensor in tensors.items()}


def read_network_names(keys: Collection[str]) -> dict[str, str]:
    """Returns the names of weights in a network of transformers by those in a file.

    Args:
        keys: the names in the file; those that are the network's already stay.
    """
    if any(_SWIN_V2 in key for key in keys):
        return {key: key for key in keys}
    return {key: _rename(key) for key in keys}


def _rename(key: str) -> str:
    for pattern, replacement in _COMPILED:
        renamed = pattern.sub(replacement, key)
        if renamed != key:
            return renamed
    return key
