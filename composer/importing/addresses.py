"""The address that each key of detectron2 sets, section by section."""

from __future__ import annotations

from collections.abc import Mapping

Addresses = Mapping[str, str]  # by key

IMAGES: Addresses = {
    "MODEL.PIXEL_MEAN": "preprocess.pixel_mean",
    "MODEL.PIXEL_STD": "preprocess.pixel_std",
}

# {net} is the node of the residual network, {stage} what matches the stages of a cascade.
RESNET: Addresses = {
    "MODEL.RESNETS.DEPTH": "{net}.depth",
    "MODEL.RESNETS.OUT_FEATURES": "{net}.out_features",
    "MODEL.RESNETS.NORM": "{net}.norm",
    "MODEL.BACKBONE.FREEZE_AT": "{net}.freeze_at",
    "MODEL.RESNETS.STEM_OUT_CHANNELS": "{net}.stem_out_channels",
    "MODEL.RESNETS.RES2_OUT_CHANNELS": "{net}.res2_out_channels",
    "MODEL.RESNETS.NUM_GROUPS": "{net}.num_groups",
    "MODEL.RESNETS.WIDTH_PER_GROUP": "{net}.width_per_group",
    "MODEL.RESNETS.STRIDE_IN_1X1": "{net}.stride_in_1x1",
    "MODEL.RESNETS.RES5_DILATION": "{net}.res5_dilation",
    "MODEL.RESNETS.DEFORM_ON_PER_STAGE": "{net}.deform_on_per_stage",
    "MODEL.RESNETS.DEFORM_MODULATED": "{net}.deform_modulated",
    "MODEL.RESNETS.DEFORM_NUM_GROUPS": "{net}.deform_num_groups",
}

PYRAMID: Addresses = {
    "MODEL.FPN.OUT_CHANNELS": "backbone.fpn.out_channels",
    "MODEL.FPN.NORM": "backbone.fpn.norm",
    "MODEL.FPN.FUSE_TYPE": "backbone.fpn.fuse_type",
}

RPN: Addresses = {
    "MODEL.ANCHOR_GENERATOR.SIZES": "proposal_generator.anchors.sizes",
    "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS": "proposal_generator.anchors.aspect_ratios",
    "MODEL.ANCHOR_GENERATOR.OFFSET": "proposal_generator.anchors.offset",
    "MODEL.PROPOSAL_GENERATOR.MIN_SIZE": "proposal_generator.proposals.min_box_size",
    "MODEL.RPN.CONV_DIMS": "proposal_generator.rpn_head.conv_dims",
    "MODEL.RPN.BBOX_REG_WEIGHTS": "proposal_generator.bbox_reg_weights",
    "MODEL.RPN.SMOOTH_L1_BETA": "proposal_generator.rpn_losses.smooth_l1_beta",
    "MODEL.RPN.BBOX_REG_LOSS_WEIGHT": "proposal_generator.rpn_losses.bbox_reg_loss_weight",
    "MODEL.RPN.LOSS_WEIGHT": "proposal_generator.rpn_losses.loss_weight",
    "MODEL.RPN.PRE_NMS_TOPK_TRAIN": "proposal_generator.proposals.pre_nms_topk_training",
    "MODEL.RPN.PRE_NMS_TOPK_TEST": "proposal_generator.proposals.pre_nms_topk_inference",
    "MODEL.RPN.POST_NMS_TOPK_TRAIN": "proposal_generator.proposals.post_nms_topk_training",
    "MODEL.RPN.POST_NMS_TOPK_TEST": "proposal_generator.proposals.post_nms_topk_inference",
    "MODEL.RPN.NMS_THRESH": "proposal_generator.proposals.nms_threshold",
    "MODEL.RPN.IOU_THRESHOLDS": "proposal_generator.rpn_targets.iou_thresholds",
    "MODEL.RPN.IOU_LABELS": "proposal_generator.rpn_targets.iou_labels",
    "MODEL.RPN.BATCH_SIZE_PER_IMAGE": "proposal_generator.batch_size_per_image",
    "MODEL.RPN.POSITIVE_FRACTION": "proposal_generator.rpn_targets.positive_fraction",
}
UPRIGHT_RPN: Addresses = {
    "MODEL.RPN.BBOX_REG_LOSS_TYPE": "proposal_generator.rpn_losses.bbox_reg_loss_type",
    "MODEL.RPN.BOUNDARY_THRESH": "proposal_generator.rpn_targets.boundary_threshold",
}
ROTATED_RPN: Addresses = {"MODEL.ANCHOR_GENERATOR.ANGLES": "proposal_generator.anchors.angles"}

REGIONS: Addresses = {
    "MODEL.ROI_HEADS.NUM_CLASSES": "roi_heads.num_classes",
    "MODEL.ROI_HEADS.IN_FEATURES": "roi_heads.in_features",
    "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": "roi_heads.batch_size_per_image",
    "MODEL.ROI_HEADS.POSITIVE_FRACTION": "roi_heads.positive_fraction",
    "MODEL.ROI_HEADS.IOU_THRESHOLDS": "roi_heads.sampled.iou_thresholds",
    "MODEL.ROI_HEADS.IOU_LABELS": "roi_heads.sampled.iou_labels",
    "MODEL.ROI_HEADS.PROPOSAL_APPEND_GT": "roi_heads.sampled.proposal_append_gt",
    "MODEL.ROI_HEADS.SCORE_THRESH_TEST": "roi_heads.detections.score_threshold",
    "MODEL.ROI_HEADS.NMS_THRESH_TEST": "roi_heads.detections.nms_threshold",
    "TEST.DETECTIONS_PER_IMAGE": "roi_heads.detections.max_per_image",
    "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION": "roi_heads.{stage}box_pooler.output_size",
    "MODEL.ROI_BOX_HEAD.POOLER_SAMPLING_RATIO": "roi_heads.{stage}box_pooler.sampling_ratio",
    "MODEL.ROI_BOX_HEAD.SMOOTH_L1_BETA": "roi_heads.{stage}box_loss.smooth_l1_beta",
    "MODEL.ROI_BOX_HEAD.BBOX_REG_LOSS_WEIGHT": "roi_heads.{stage}box_loss.bbox_reg_loss_weight",
    "MODEL.ROI_BOX_HEAD.USE_SIGMOID_CE": "roi_heads.use_sigmoid_ce",
    "MODEL.ROI_BOX_HEAD.USE_FED_LOSS": "roi_heads.{stage}class_loss.use_fed_loss",
    "MODEL.ROI_BOX_HEAD.FED_LOSS_NUM_CLASSES": "roi_heads.{stage}class_loss.fed_loss_num_classes",
    "MODEL.ROI_BOX_HEAD.FED_LOSS_FREQ_WEIGHT_POWER": (
        "roi_heads.{stage}class_loss.fed_loss_freq_weight_power"
    ),
}
UPRIGHT_REGIONS: Addresses = {
    "MODEL.ROI_BOX_HEAD.POOLER_TYPE": "roi_heads.{stage}box_pooler.pooler_type",
    "MODEL.ROI_BOX_HEAD.BBOX_REG_LOSS_TYPE": "roi_heads.{stage}box_loss.bbox_reg_loss_type",
}
ONE_STAGE: Addresses = {
    "MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS": "roi_heads.bbox_reg_weights",
    "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG": "roi_heads.box_predictor.cls_agnostic_bbox_reg",
}
BOX_HEAD: Addresses = {
    "MODEL.ROI_BOX_HEAD.FC_DIM": "roi_heads.fc_dim",
    "MODEL.ROI_BOX_HEAD.NORM": "roi_heads.{stage}box_head.norm",
}
MASK: Addresses = {
    "MODEL.ROI_MASK_HEAD.CONV_DIM": "roi_heads.mask_conv_dim",
    "MODEL.ROI_MASK_HEAD.NORM": "roi_heads.mask_head.norm",
    "MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK": "roi_heads.mask_head.cls_agnostic_mask",
}
MASK_POOLER: Addresses = {
    "MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION": "roi_heads.mask_pooler.output_size",
    "MODEL.ROI_MASK_HEAD.POOLER_TYPE": "roi_heads.mask_pooler.pooler_type",
    "MODEL.ROI_MASK_HEAD.POOLER_SAMPLING_RATIO": "roi_heads.mask_pooler.sampling_ratio",
}
# Where res5 is the head of boxes and masks, both are pooled as boxes are.
MASK_POOLER_OF_BOXES: Addresses = {
    "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION": "roi_heads.mask_pooler.output_size",
    "MODEL.ROI_BOX_HEAD.POOLER_TYPE": "roi_heads.mask_pooler.pooler_type",
    "MODEL.ROI_BOX_HEAD.POOLER_SAMPLING_RATIO": "roi_heads.mask_pooler.sampling_ratio",
}
COARSE_MASK: Addresses = {
    "MODEL.ROI_MASK_HEAD.IN_FEATURES": "roi_heads.mask_features",
    "MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION": "roi_heads.mask_pooler.output_size",
    "MODEL.ROI_MASK_HEAD.CONV_DIM": "roi_heads.mask_head.coarse_head.conv_dim",
    "MODEL.ROI_MASK_HEAD.OUTPUT_SIDE_RESOLUTION": "roi_heads.mask_head.coarse_head.output_size",
}
MASK_POINTS: Addresses = {
    "MODEL.POINT_HEAD.IN_FEATURES": "roi_heads.point_features",
    "MODEL.POINT_HEAD.COARSE_PRED_EACH_LAYER": (
        "roi_heads.mask_head.point_head.coarse_pred_each_layer"
    ),
    "MODEL.POINT_HEAD.CLS_AGNOSTIC_MASK": "roi_heads.mask_head.point_head.cls_agnostic_mask",
    "MODEL.POINT_HEAD.TRAIN_NUM_POINTS": "roi_heads.mask_head.points.num_points",
    "MODEL.POINT_HEAD.OVERSAMPLE_RATIO": "roi_heads.mask_head.points.oversample_ratio",
    "MODEL.POINT_HEAD.IMPORTANCE_SAMPLE_RATIO": (
        "roi_heads.mask_head.points.importance_sample_ratio"
    ),
    "MODEL.POINT_HEAD.SUBDIVISION_NUM_POINTS": "roi_heads.mask_head.subdivision_num_points",
}
KEYPOINTS: Addresses = {
    "MODEL.ROI_KEYPOINT_HEAD.NUM_KEYPOINTS": "roi_heads.num_keypoints",
    "MODEL.ROI_KEYPOINT_HEAD.POOLER_RESOLUTION": "roi_heads.keypoint_pooler.output_size",
    "MODEL.ROI_KEYPOINT_HEAD.POOLER_TYPE": "roi_heads.keypoint_pooler.pooler_type",
    "MODEL.ROI_KEYPOINT_HEAD.POOLER_SAMPLING_RATIO": "roi_heads.keypoint_pooler.sampling_ratio",
    "MODEL.ROI_KEYPOINT_HEAD.LOSS_WEIGHT": "roi_heads.keypoint_loss.loss_weight",
    "MODEL.ROI_KEYPOINT_HEAD.NORMALIZE_LOSS_BY_VISIBLE_KEYPOINTS": (
        "roi_heads.keypoint_loss.normalize_loss_by_visible_keypoints"
    ),
}

RETINANET: Addresses = {
    "MODEL.ANCHOR_GENERATOR.SIZES": "anchors.sizes",
    "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS": "anchors.aspect_ratios",
    "MODEL.ANCHOR_GENERATOR.OFFSET": "anchors.offset",
    "MODEL.RETINANET.IN_FEATURES": "head.in_features",
    "MODEL.RETINANET.NUM_CLASSES": "head.num_classes",
    "MODEL.RETINANET.NUM_CONVS": "head.num_convs",
    "MODEL.RETINANET.NORM": "head.norm",
    "MODEL.RETINANET.PRIOR_PROB": "head.prior_prob",
    "MODEL.RETINANET.IOU_THRESHOLDS": "targets.iou_thresholds",
    "MODEL.RETINANET.IOU_LABELS": "targets.iou_labels",
    "MODEL.RETINANET.FOCAL_LOSS_ALPHA": "losses.focal_loss_alpha",
    "MODEL.RETINANET.FOCAL_LOSS_GAMMA": "losses.focal_loss_gamma",
    "MODEL.RETINANET.BBOX_REG_LOSS_TYPE": "losses.bbox_reg_loss_type",
    "MODEL.RETINANET.SMOOTH_L1_LOSS_BETA": "losses.smooth_l1_beta",
    "MODEL.RETINANET.BBOX_REG_WEIGHTS": "losses.box_weights",
    "MODEL.RETINANET.SCORE_THRESH_TEST": "detections.score_threshold",
    "MODEL.RETINANET.TOPK_CANDIDATES_TEST": "detections.topk_candidates",
    "MODEL.RETINANET.NMS_THRESH_TEST": "detections.nms_threshold",
    "TEST.DETECTIONS_PER_IMAGE": "detections.max_per_image",
}

SEMANTIC: Addresses = {
    "MODEL.SEM_SEG_HEAD.IN_FEATURES": "sem_seg_head.in_features",
    "MODEL.SEM_SEG_HEAD.NUM_CLASSES": "sem_seg_head.num_classes",
    "MODEL.SEM_SEG_HEAD.CONVS_DIM": "sem_seg_head.convs_dim",
    "MODEL.SEM_SEG_HEAD.COMMON_STRIDE": "sem_seg_head.common_stride",
    "MODEL.SEM_SEG_HEAD.NORM": "sem_seg_head.norm",
    "MODEL.SEM_SEG_HEAD.IGNORE_VALUE": "sem_seg_loss.ignore_value",
    "MODEL.SEM_SEG_HEAD.LOSS_WEIGHT": "sem_seg_loss.loss_weight",
}
COARSE_PIXELS: Addresses = {
    "MODEL.SEM_SEG_HEAD.IN_FEATURES": "sem_seg_head.in_features",
    "MODEL.SEM_SEG_HEAD.NUM_CLASSES": "sem_seg_head.num_classes",
    "MODEL.SEM_SEG_HEAD.CONVS_DIM": "sem_seg_head.coarse_sem_seg_head.convs_dim",
    "MODEL.SEM_SEG_HEAD.COMMON_STRIDE": "sem_seg_head.coarse_sem_seg_head.common_stride",
    "MODEL.SEM_SEG_HEAD.NORM": "sem_seg_head.coarse_sem_seg_head.norm",
    "MODEL.SEM_SEG_HEAD.IGNORE_VALUE": "sem_seg_loss.ignore_value",
    "MODEL.SEM_SEG_HEAD.LOSS_WEIGHT": "sem_seg_loss.loss_weight",
}
PIXEL_POINTS: Addresses = {
    "MODEL.POINT_HEAD.IN_FEATURES": "sem_seg_head.point_features",
    "MODEL.POINT_HEAD.COARSE_PRED_EACH_LAYER": "sem_seg_head.point_head.coarse_pred_each_layer",
    "MODEL.POINT_HEAD.TRAIN_NUM_POINTS": "sem_seg_head.points.num_points",
    "MODEL.POINT_HEAD.OVERSAMPLE_RATIO": "sem_seg_head.points.oversample_ratio",
    "MODEL.POINT_HEAD.IMPORTANCE_SAMPLE_RATIO": "sem_seg_head.points.importance_sample_ratio",
    "MODEL.POINT_HEAD.SUBDIVISION_NUM_POINTS": "sem_seg_head.subdivision_num_points",
}
PANOPTIC: Addresses = {
    "MODEL.PANOPTIC_FPN.COMBINE.OVERLAP_THRESH": "panoptic.overlap_threshold",
    "MODEL.PANOPTIC_FPN.COMBINE.STUFF_AREA_LIMIT": "panoptic.stuff_area_limit",
    "MODEL.PANOPTIC_FPN.COMBINE.INSTANCES_CONFIDENCE_THRESH": (
        "panoptic.instances_confidence_threshold"
    ),
}
