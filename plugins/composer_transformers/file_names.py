"""Names of weights in files: those of transformers before 5, which newer ones write, too.

transformers renamed parts of its models and kept the names in files.
"""

import re
from collections.abc import Iterable

from composer_transformers.backbone_mapping import read_network_names

_ATTENTION = (r"\b(self_attn|encoder_attn)\.out_proj\.", r"\1.o_proj.")
_MLP = (r"\blayers\.(\d+)\.fc([12])\.", r"layers.\1.mlp.fc\2.")
_ENCODER = (r"\bencoder\.encoder\.(\d+)\.layers\.", r"encoder.aifi.\1.layers.")
_BACKBONE = (r"\bbackbone\.conv_encoder\.", "backbone.")
_CONDITIONAL = (
    (r"\bdecoder\.layers\.(\d+)\.sa_([qk])(content|pos)_proj\.", r"self_attn.\2_\3_proj."),
    (r"\bdecoder\.layers\.(\d+)\.sa_v_proj\.", r"self_attn.v_proj."),
    (r"\bdecoder\.layers\.(\d+)\.ca_([qk])(content|pos)_proj\.", r"encoder_attn.\2_\3_proj."),
    (r"\bdecoder\.layers\.(\d+)\.ca_v_proj\.", r"encoder_attn.v_proj."),
    (r"\bdecoder\.layers\.(\d+)\.ca_qpos_sine_proj\.", r"encoder_attn.q_pos_sine_proj."),
)
_RULES = {
    "detr": (
        *(_BACKBONE, _ATTENTION, _MLP),
        *((old, rf"decoder.layers.\1.{new}") for old, new in _CONDITIONAL),
    ),
    "deformable_detr": (_BACKBONE, _ATTENTION, _MLP),
    "yolos": (
        (r"\bencoder\.mid_position_embeddings", "encoder.interpolation.mid_position_embeddings"),
    ),
    "rt_detr": (_ATTENTION, _MLP, _ENCODER),
    "d_fine": (
        *(_ATTENTION, _ENCODER),
        (r"\blayers\.(\d+)\.fc1\.", r"layers.\1.mlp.layers.0."),
        (r"\blayers\.(\d+)\.fc2\.", r"layers.\1.mlp.layers.1."),
    ),
    "maskformer": (_ATTENTION, _MLP),
}
_MASK_HEAD = (
    (r"\bbbox_attention\.(q|k)_linear\.", r"bbox_attention.\1_proj."),
    (r"\bmask_head\.lay([12])\.", r"mask_head.conv\1.conv."),
    (r"\bmask_head\.gn([12])\.", r"mask_head.conv\1.norm."),
    (r"\bmask_head\.out_lay\.", "mask_head.output_conv."),
    *(
        (rf"\bmask_head\.{old}{stage + first}\.", f"mask_head.fpn_stages.{stage}.{new}.")
        for stage in range(3)
        for old, first, new in (
            ("adapter", 1, "fpn_adapter"),
            ("lay", 3, "refine.conv"),
            ("gn", 3, "refine.norm"),
        )
    ),
)
_RULES["detr_segmentation"] = (*_RULES["detr"], *_MASK_HEAD)
_RULES["conditional_detr_segmentation"] = _RULES["detr_segmentation"]
_COMPILED = {
    kind: tuple((re.compile(old), new) for old, new in rules) for kind, rules in _RULES.items()
}


# The network in a detector; MaskFormer's own kind of Swin is a part of that, with its own names.
_NETWORK = re.compile(r"(.*\bbackbone\.model\.|.*\bpixel_level_module\.encoder\.)(?!model\.)(.+)")
_OF_SWIN = re.compile(r"encoder\.layers\.\d+\.blocks\.\d+\..*\brelative_position_bias_table")
_IN_SWIN = re.compile(r"embeddings\.|encoder\.layers\.")


def read_file_names(keys: Iterable[str], kind: str) -> dict[str, str]:
    """Returns the names of the weights of a file in a model of transformers, by those in the file.

    Args:
        keys: the names in the file; those that are the model's already stay.
        kind: the family of the model.
    """
    named = {key: read_file_name(key, kind) for key in keys}
    inside = {key: found for key, name in named.items() if (found := _NETWORK.fullmatch(name))}
    is_swin = any(_OF_SWIN.fullmatch(found[2]) for found in inside.values())
    names = read_network_names([found[2] for found in inside.values()])
    for key, found in inside.items():
        name = names[found[2]]
        prefix = "swin." if is_swin and _IN_SWIN.match(name) else ""
        named[key] = f"{found[1]}{prefix}{name}"
    return named


def read_file_name(key: str, kind: str) -> str:
    """Returns the name of a weight in a model of transformers.

    Args:
        key: its name in a file; one that is the model's already stays.
        kind: the family of the model.
    """
    for pattern, replacement in _COMPILED.get(kind, ()):
        key = pattern.sub(replacement, key)
    return key
