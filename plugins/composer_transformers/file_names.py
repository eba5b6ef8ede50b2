"""Names of weights in files: those of transformers before 5, which newer ones write, too.

transformers renamed parts of its models and kept the names in files.
"""

import re

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
_SWIN = (
    (r"\battention\.self\.(q|k|v)(uery|ey|alue)\.", r"attention.\1_proj."),
    (
        r"\battention\.self\.relative_position_bias_table",
        "attention.relative_position_bias.relative_position_bias_table",
    ),
    (r"\battention\.output\.dense\.", "attention.o_proj."),
    (r"\bintermediate\.dense\.", "mlp.fc1."),
    (r"\boutput\.dense\.", "mlp.fc2."),
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
    "mask2former": (
        (
            r"\bpixel_level_module\.encoder\.(embeddings|encoder\.layers)\.",
            r"pixel_level_module.encoder.swin.\1.",
        ),
        *_SWIN,
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


def read_file_name(key: str, kind: str) -> str:
    """Returns the name of a weight in a model of transformers.

    Args:
        key: its name in a file; one that is the model's already stays.
        kind: the family of the model.
    """
    for pattern, replacement in _COMPILED.get(kind, ()):
        key = pattern.sub(replacement, key)
    return key
