"""transformers' own detectors, small, with random weights at which they say something."""

from typing import Any

import torch
from torch import Tensor, nn

from composer import Graph
from composer.structures import BitMasks, Boxes, Instances

NUM_CLASSES = 5

_STAGES = {"embedding_size": 8, "depths": [1, 1, 1, 1], "layer_type": "basic"}
_RESNET = {
    **_STAGES,
    "model_type": "resnet",
    "hidden_sizes": [8, 8, 16, 16],
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}
_RT_RESNET = {
    **_STAGES,
    "model_type": "rt_detr_resnet",
    "hidden_sizes": [8, 8, 16, 16],
    "out_features": ["stage2", "stage3", "stage4"],
}
_HGNET = {
    "model_type": "hgnet_v2",
    "embedding_size": 8,
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [8, 16, 16, 16],
    "stem_channels": [3, 8, 8],
    "stage_in_channels": [8, 8, 16, 16],
    "stage_mid_channels": [8, 8, 8, 8],
    "stage_out_channels": [8, 16, 16, 16],
    "stage_num_blocks": [1, 1, 1, 1],
    "stage_numb_of_layers": [1, 1, 1, 1],
    "out_features": ["stage2", "stage3", "stage4"],
}
_LAYERS = {
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "decoder_layers": 3,
    "d_model": 16,
}
_DETR = {
    **_LAYERS,
    "backbone_config": _RESNET,
    "encoder_layers": 2,
    "num_queries": 6,
    "auxiliary_loss": True,
}
_DEFORMABLE = {
    **_DETR,
    "backbone_config": {**_RESNET, "out_features": ["stage2", "stage3", "stage4"]},
    "d_model": 64,  # of which groups of 32 are normalised, over a single place of the smallest map
}
_RT_DETR = {
    **_LAYERS,
    "backbone_config": _RT_RESNET,
    "encoder_hidden_dim": 16,
    "encoder_in_channels": [8, 16, 16],
    "decoder_in_channels": [16, 16, 16],
    "num_queries": 10,
    "num_denoising": 8,
}

CONFIGS: dict[str, dict[str, Any]] = {
    "detr": _DETR,
    "conditional_detr": _DETR,
    "deformable_detr": _DEFORMABLE,
    "yolos": {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "image_size": [64, 96],
        "patch_size": 16,
        "num_detection_tokens": 6,
    },
    "rt_detr": _RT_DETR,
    "rt_detr_v2": _RT_DETR,
    "d_fine": {
        **_RT_DETR,
        "backbone_config": _HGNET,
        "encoder_in_channels": [16, 16, 16],
        "hidden_size": 16,
        "max_num_bins": 8,
    },
}
_SWIN = {
    "model_type": "swin",
    "embed_dim": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 2, 2, 2],
    "window_size": 4,
    "drop_path_rate": 0.0,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}
MASK_CONFIGS: dict[str, dict[str, Any]] = {
    "mask2former": {
        "backbone_config": _SWIN,
        "hidden_dim": 32,
        "feature_size": 32,
        "mask_feature_size": 32,
        "num_queries": 6,
        "encoder_layers": 1,
        "decoder_layers": 4,
        "num_attention_heads": 2,
        "dim_feedforward": 16,
        "encoder_feedforward_dim": 16,
        "train_num_points": 100,
    },
    "maskformer": {
        "backbone_config": _SWIN,
        "fpn_feature_size": 32,
        "mask_feature_size": 32,
        "use_auxiliary_loss": True,
        "decoder_config": {
            "model_type": "detr",
            "d_model": 16,
            "decoder_layers": 2,
            "encoder_layers": 1,
            "num_queries": 6,
            "decoder_attention_heads": 2,
            "encoder_attention_heads": 2,
            "decoder_ffn_dim": 16,
            "dropout": 0.0,
            "backbone_config": _RESNET,
        },
    },
}
MASK_CONFIGS["detr_segmentation"] = {
    **_DETR,
    "model_type": "detr",
    "d_model": 64,
    "encoder_attention_heads": 8,
    "dropout": 0.0,
}
MASK_CONFIGS["conditional_detr_segmentation"] = {
    **MASK_CONFIGS["detr_segmentation"],
    "model_type": "conditional_detr",
}
_ARCHITECTURES = {  # of kinds with another one
    "detr_segmentation": "DetrForSegmentation",
    "conditional_detr_segmentation": "ConditionalDetrForSegmentation",
}
_FIXED_SIZE = ("rt_detr", "rt_detr_v2", "d_fine")


def small_config(kind: str, **changes: Any) -> dict[str, Any]:
    """The configuration of a small model."""
    return {
        "model_type": kind,
        "num_labels": NUM_CLASSES,
        **{**CONFIGS, **MASK_CONFIGS}[kind],
        **changes,
    }


def small_params(kind: str, **changes: Any) -> dict[str, Any]:
    """The params of a spec with which it is that model."""
    size = {"shortest_edge": 64, "longest_edge": 96}
    if kind in _FIXED_SIZE:
        size = {"height": 64, "width": 64}
    return {
        "config": small_config(kind, **changes),
        "num_classes": NUM_CLASSES,
        "processor_options": {"size": size},
    }


def build_theirs(kind: str, **changes: Any) -> nn.Module:
    """transformers' own model, with weights that are no longer the first ones."""
    from composer_transformers.configuration import read_configuration
    from composer_transformers.parts import build_whole

    configuration = read_configuration(small_config(kind, **changes))
    whole = build_whole(configuration, _ARCHITECTURES.get(kind))
    with torch.no_grad():
        for parameter in whole.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    return whole


def build_ours(kind: str, theirs: nn.Module, **changes: Any) -> Graph:
    """Our graph of the same model, with its weights."""
    from composer_transformers.key_mapping import TransformersMapping

    graph = Graph.from_spec(f"transformers/{kind}", **small_params(kind, **changes))
    graph.load_state_dict(TransformersMapping().rename(dict(theirs.state_dict())))
    return graph


def make_records() -> list[dict[str, Any]]:
    """Two images of different sizes, with objects."""
    boxes = torch.tensor([[5.0, 6.0, 30.0, 40.0], [10.0, 3.0, 50.0, 20.0]])
    return [
        {
            "image": torch.randint(0, 256, (3, *size), dtype=torch.uint8),
            "height": size[0] * 2,
            "width": size[1] * 2,
            "instances": Instances(size, gt_boxes=Boxes(boxes), gt_classes=torch.tensor([1, 3])),
        }
        for size in [(50, 70), (80, 60)]
    ]


def make_mask_records() -> list[dict[str, Any]]:
    """Images of which the network needs no other size, so that masks are not resized."""
    records = make_records()
    size = (64, 96)
    masks = torch.zeros(2, *size, dtype=torch.bool)
    masks[0, 5:40, 6:50] = True
    masks[1, 45:60, 20:90] = True
    classes = torch.tensor([1, 3])
    for record in records:
        record["image"] = record["image"][:, :50, :60].repeat(1, 2, 2)[:, :64, :96]
        record |= {"height": size[0], "width": size[1]}
        record["instances"] = Instances(size, gt_classes=classes, gt_masks=BitMasks(masks))
        record["sem_seg"] = torch.full(size, 255)
        ids = torch.zeros(size, dtype=torch.int64)
        for number, (mask, kind) in enumerate(zip(masks, classes.tolist(), strict=True)):
            record["sem_seg"][mask] = kind
            ids[mask] = number + 1
        segments = [
            {"id": n + 1, "category_id": int(c), "isthing": True} for n, c in enumerate(classes)
        ]
        record["panoptic_seg"] = (ids, segments)
    return records


def make_labels(records: list[dict[str, Any]]) -> list[dict[str, Tensor]]:
    """The objects as transformers' models expect them."""
    labels = []
    for record in records:
        height, width = record["instances"].image_size
        x0, y0, x1, y1 = record["instances"].gt_boxes.tensor.unbind(1)
        scale = torch.tensor([width, height, width, height])
        boxes = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], dim=1) / scale
        labels.append({"class_labels": record["instances"].gt_classes, "boxes": boxes})
    return labels
