"""The places of weights: their names in transformers' models, and in our graphs."""

from composer_transformers.conv_encoder import CONV_ENCODER_NAMES
from composer_transformers.deformable_detr_decoder import DEFORMABLE_DECODER_NAMES
from composer_transformers.deformable_detr_encoder import DEFORMABLE_ENCODER_NAMES
from composer_transformers.deformable_detr_queries import DEFORMABLE_QUERIES_NAMES
from composer_transformers.deformable_detr_tokens import DEFORMABLE_TOKENS_NAMES
from composer_transformers.detr_decoder import DETR_DECODER_NAMES
from composer_transformers.detr_encoder import DETR_ENCODER_NAMES
from composer_transformers.detr_masks import DETR_MASK_KINDS, DETR_MASKS_NAMES
from composer_transformers.detr_predictions import DETR_PREDICTIONS_NAMES
from composer_transformers.detr_queries import DETR_QUERIES_NAMES
from composer_transformers.detr_tokens import DETR_TOKENS_NAMES
from composer_transformers.mask2former import (
    MASK2FORMER_DECODER_NAMES,
    MASK2FORMER_PIXEL_NAMES,
    MASK2FORMER_QUERIES_NAMES,
)
from composer_transformers.mask_encoder import MASK_ENCODER_NAMES
from composer_transformers.mask_heads import MASK_LOSS_NAMES, MASK_PREDICTIONS_NAMES
from composer_transformers.maskformer import (
    MASKFORMER_DECODER_NAMES,
    MASKFORMER_PIXEL_NAMES,
    MASKFORMER_QUERIES_NAMES,
)
from composer_transformers.rt_detr_decoder import RT_DETR_DECODER_NAMES
from composer_transformers.rt_detr_encoder import RT_DETR_ENCODER_NAMES, RT_DETR_PROJECTION_NAMES
from composer_transformers.rt_detr_queries import RT_DETR_QUERIES_NAMES, RT_DETR_TOKENS_NAMES
from composer_transformers.yolos import (
    YOLOS_EMBEDDINGS_NAMES,
    YOLOS_ENCODER_NAMES,
    YOLOS_PREDICTIONS_NAMES,
)

_BY_NODE = {
    "detr": {
        "backbone": CONV_ENCODER_NAMES,
        "tokens": DETR_TOKENS_NAMES,
        "encoder": DETR_ENCODER_NAMES,
        "queries": DETR_QUERIES_NAMES,
        "decoder": DETR_DECODER_NAMES,
        "predictions": DETR_PREDICTIONS_NAMES,
    },
    "deformable_detr": {
        "backbone": CONV_ENCODER_NAMES,
        "tokens": DEFORMABLE_TOKENS_NAMES,
        "encoder": DEFORMABLE_ENCODER_NAMES,
        "queries": DEFORMABLE_QUERIES_NAMES,
        "decoder": DEFORMABLE_DECODER_NAMES,
    },
    "yolos": {
        "embeddings": YOLOS_EMBEDDINGS_NAMES,
        "encoder": YOLOS_ENCODER_NAMES,
        "predictions": YOLOS_PREDICTIONS_NAMES,
    },
    "mask2former": {
        "backbone": MASK_ENCODER_NAMES,
        "pixel_decoder": MASK2FORMER_PIXEL_NAMES,
        "queries": MASK2FORMER_QUERIES_NAMES,
        "decoder": MASK2FORMER_DECODER_NAMES,
        "predictions": MASK_PREDICTIONS_NAMES,
        "losses": MASK_LOSS_NAMES,
    },
    "maskformer": {
        "backbone": MASK_ENCODER_NAMES,
        "pixel_decoder": MASKFORMER_PIXEL_NAMES,
        "queries": MASKFORMER_QUERIES_NAMES,
        "decoder": MASKFORMER_DECODER_NAMES,
        "predictions": MASK_PREDICTIONS_NAMES,
        "losses": MASK_LOSS_NAMES,
    },
    "rt_detr": {
        "backbone": CONV_ENCODER_NAMES,
        "projection": RT_DETR_PROJECTION_NAMES,
        "encoder": RT_DETR_ENCODER_NAMES,
        "tokens": RT_DETR_TOKENS_NAMES,
        "queries": RT_DETR_QUERIES_NAMES,
        "decoder": RT_DETR_DECODER_NAMES,
    },
}
_BY_NODE["d_fine"] = _BY_NODE["rt_detr"]
for _kind in DETR_MASK_KINDS:  # of a model with masks, the detector is a part
    _BY_NODE[f"{_kind}_segmentation"] = {
        **{
            node: {ours: f"{_kind}.{theirs}" for ours, theirs in names.items()}
            for node, names in _BY_NODE["detr"].items()
        },
        "masks": DETR_MASKS_NAMES,
    }

WEIGHT_NAMES = {
    kind: [
        (theirs, f"{node}.{ours}")
        for node, names in nodes.items()
        for ours, theirs in names.items()
    ]
    for kind, nodes in _BY_NODE.items()
}
