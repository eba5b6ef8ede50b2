"""The address that each argument of detectron2's constructors sets, constructor by constructor.

{net} is the node of the network below a pyramid, {stage} what matches the stages of a cascade, and
{head} the node of a head.
"""

from __future__ import annotations

from collections.abc import Mapping

Table = Mapping[str, str]  # the address by argument

IMAGES: Table = {"pixel_mean": "preprocess.pixel_mean", "pixel_std": "preprocess.pixel_std"}

VIT: Table = {
    name: f"{{net}}.{name}"
    for name in (
        "img_size",
        "patch_size",
        "embed_dim",
        "depth",
        "num_heads",
        "mlp_ratio",
        "qkv_bias",
        "drop_path_rate",
        "use_abs_pos",
        "use_rel_pos",
        "window_size",
        "window_block_indexes",
        "residual_block_indexes",
        "pretrain_img_size",
        "pretrain_use_cls_token",
    )
}
SWIN: Table = {
    name: f"{{net}}.{name}"
    for name in (
        "patch_size",
        "embed_dim",
        "depths",
        "num_heads",
        "window_size",
        "mlp_ratio",
        "qkv_bias",
        "drop_path_rate",
        "ape",
        "pretrain_img_size",
        "patch_norm",
    )
}
MVIT: Table = {
    name: f"{{net}}.{name}"
    for name in (
        "img_size",
        "embed_dim",
        "depth",
        "num_heads",
        "last_block_indexes",
        "adaptive_kv_stride",
        "adaptive_window_size",
        "residual_pooling",
        "mlp_ratio",
        "qkv_bias",
        "drop_path_rate",
        "use_abs_pos",
        "use_rel_pos",
        "rel_pos_zero_init",
        "pretrain_img_size",
        "pretrain_use_cls_token",
        "out_features",
    )
}
REGNET: Table = {
    name: f"{{net}}.{name}"
    for name in (
        "depth",
        "w_0",
        "w_a",
        "w_m",
        "group_width",
        "bottleneck_ratio",
        "se_ratio",
        "stem_width",
        "norm",
        "freeze_at",
        "out_features",
    )
}
PYRAMID: Table = {
    "out_channels": "backbone.fpn.out_channels",
    "norm": "backbone.fpn.norm",
    "fuse_type": "backbone.fpn.fuse_type",
}
SIMPLE_PYRAMID: Table = {
    "out_channels": "backbone.fpn.out_channels",
    "scale_factors": "backbone.fpn.scale_factors",
    "norm": "backbone.fpn.norm",
}

RPN: Table = {
    "batch_size_per_image": "proposal_generator.batch_size_per_image",
    "positive_fraction": "proposal_generator.rpn_targets.positive_fraction",
    "nms_thresh": "proposal_generator.proposals.nms_threshold",
    "min_box_size": "proposal_generator.proposals.min_box_size",
    "anchor_boundary_thresh": "proposal_generator.rpn_targets.boundary_threshold",
    "box_reg_loss_type": "proposal_generator.rpn_losses.bbox_reg_loss_type",
    "smooth_l1_beta": "proposal_generator.rpn_losses.smooth_l1_beta",
}
RPN_HEAD: Table = {"conv_dims": "proposal_generator.rpn_head.conv_dims"}
RPN_MATCHER: Table = {
    "thresholds": "proposal_generator.rpn_targets.iou_thresholds",
    "labels": "proposal_generator.rpn_targets.iou_labels",
}

REGIONS: Table = {
    "num_classes": "roi_heads.num_classes",
    "batch_size_per_image": "roi_heads.batch_size_per_image",
    "positive_fraction": "roi_heads.positive_fraction",
    "proposal_append_gt": "roi_heads.sampled.proposal_append_gt",
}
REGION_MATCHER: Table = {
    "thresholds": "roi_heads.sampled.iou_thresholds",
    "labels": "roi_heads.sampled.iou_labels",
}
PREDICTOR: Table = {
    "test_score_thresh": "roi_heads.detections.score_threshold",
    "test_nms_thresh": "roi_heads.detections.nms_threshold",
    "test_topk_per_image": "roi_heads.detections.max_per_image",
    "smooth_l1_beta": "roi_heads.{stage}box_loss.smooth_l1_beta",
    "box_reg_loss_type": "roi_heads.{stage}box_loss.bbox_reg_loss_type",
    "use_sigmoid_ce": "roi_heads.use_sigmoid_ce",
}
FEDERATED: Table = {"fed_loss_num_classes": "roi_heads.{stage}class_loss.fed_loss_num_classes"}
POOLER: Table = {
    "output_size": "roi_heads.{head}_pooler.output_size",
    "pooler_type": "roi_heads.{head}_pooler.pooler_type",
    "sampling_ratio": "roi_heads.{head}_pooler.sampling_ratio",
    "canonical_level": "roi_heads.{head}_pooler.canonical_level",
}
BOX_HEAD: Table = {
    "conv_dims": "roi_heads.{stage}box_head.conv_dims",
    "conv_norm": "roi_heads.{stage}box_head.norm",
}

RETINANET: Table = {
    "num_classes": "head.num_classes",
    "focal_loss_alpha": "losses.focal_loss_alpha",
    "focal_loss_gamma": "losses.focal_loss_gamma",
    "smooth_l1_beta": "losses.smooth_l1_beta",
    "box_reg_loss_type": "losses.bbox_reg_loss_type",
}
FCOS: Table = {
    "num_classes": "head.num_classes",
    "focal_loss_alpha": "losses.focal_loss_alpha",
    "focal_loss_gamma": "losses.focal_loss_gamma",
    "center_sampling_radius": "targets.center_sampling_radius",
}
DENSE_DETECTIONS: Table = {
    "test_score_thresh": "detections.score_threshold",
    "test_topk_candidates": "detections.topk_candidates",
    "test_nms_thresh": "detections.nms_threshold",
    "max_detections_per_image": "detections.max_per_image",
}
DENSE_HEAD: Table = {"norm": "head.norm", "prior_prob": "head.prior_prob"}
DENSE_MATCHER: Table = {
    "thresholds": "targets.iou_thresholds",
    "labels": "targets.iou_labels",
}

SEMANTIC: Table = {
    "num_classes": "sem_seg_head.num_classes",
    "conv_dims": "sem_seg_head.convs_dim",
    "common_stride": "sem_seg_head.common_stride",
    "norm": "sem_seg_head.norm",
    "loss_weight": "sem_seg_loss.loss_weight",
    "ignore_value": "sem_seg_loss.ignore_value",
}
PANOPTIC: Table = {
    "combine_overlap_thresh": "panoptic.overlap_threshold",
    "combine_stuff_area_thresh": "panoptic.stuff_area_limit",
    "combine_instances_score_thresh": "panoptic.instances_confidence_threshold",
}
