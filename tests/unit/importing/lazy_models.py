"""Models of detectron2 as LazyConfig writes them, for tests to begin with."""

import copy

import yaml

_PIXELS = {"pixel_mean": [103.53, 116.28, 123.675], "pixel_std": [1.0, 1.0, 1.0]}


def call(target, /, **arguments):
    """The call of one of detectron2's constructors."""
    return {"_target_": f"detectron2.modeling.{target}", **arguments}


def shape(**values):
    return {"_target_": "detectron2.layers.ShapeSpec", **values}


def resnet(stages, **arguments):
    return call(
        "ResNet",
        stem=call("backbone.BasicStem", in_channels=3, out_channels=64, norm="FrozenBN"),
        stages=call("ResNet.make_default_stages", depth=50, stride_in_1x1=True, norm="FrozenBN"),
        out_features=stages,
        **{"freeze_at": 2, **arguments},
    )


def fpn(**arguments):
    made = call(
        "FPN",
        bottom_up=resnet(["res2", "res3", "res4", "res5"]),
        in_features="${.bottom_up.out_features}",
        out_channels=256,
        top_block=call("backbone.fpn.LastLevelMaxPool"),
    )
    return {**made, **arguments}


def matcher(thresholds, labels, **arguments):
    return call("matcher.Matcher", thresholds=thresholds, labels=labels, **arguments)


def coder(*weights):
    return call("box_regression.Box2BoxTransform", weights=list(weights))


def rpn(**arguments):
    made = call(
        "proposal_generator.RPN",
        in_features=["p2", "p3", "p4", "p5", "p6"],
        head=call("proposal_generator.StandardRPNHead", in_channels=256, num_anchors=3),
        anchor_generator=call(
            "anchor_generator.DefaultAnchorGenerator",
            sizes=[[32], [64], [128], [256], [512]],
            aspect_ratios=[0.5, 1.0, 2.0],
            strides=[4, 8, 16, 32, 64],
            offset=0.0,
        ),
        anchor_matcher=matcher([0.3, 0.7], [0, -1, 1], allow_low_quality_matches=True),
        box2box_transform=coder(1.0, 1.0, 1.0, 1.0),
        batch_size_per_image=256,
        positive_fraction=0.5,
        pre_nms_topk=[2000, 1000],
        post_nms_topk=[1000, 1000],
        nms_thresh=0.7,
    )
    return {**made, **arguments}


def pooler(size):
    return call(
        "poolers.ROIPooler",
        output_size=size,
        scales=[0.25, 0.125, 0.0625, 0.03125],
        sampling_ratio=0,
        pooler_type="ROIAlignV2",
    )


def box_head():
    return call(
        "roi_heads.FastRCNNConvFCHead",
        input_shape=shape(channels=256, height=7, width=7),
        conv_dims=[],
        fc_dims=[1024, 1024],
    )


def predictor(*weights, up="..", **arguments):
    return call(
        "roi_heads.FastRCNNOutputLayers",
        input_shape=shape(channels=1024),
        test_score_thresh=0.05,
        box2box_transform=coder(*weights),
        num_classes=f"${{{up}num_classes}}",
        **arguments,
    )


def mask_head(**arguments):
    return call(
        "roi_heads.MaskRCNNConvUpsampleHead",
        input_shape=shape(channels=256, height=14, width=14),
        num_classes="${..num_classes}",
        conv_dims=[256] * 5,
        **arguments,
    )


_LEVELS = ["p2", "p3", "p4", "p5"]
_REGIONS = {"num_classes": 80, "batch_size_per_image": 512, "positive_fraction": 0.25}
_MASKS = {"mask_in_features": _LEVELS, "mask_pooler": pooler(14), "mask_head": mask_head()}


def standard_heads(**arguments):
    return call(
        "roi_heads.StandardROIHeads",
        **_REGIONS,
        proposal_matcher=matcher([0.5], [0, 1], allow_low_quality_matches=False),
        box_in_features=_LEVELS,
        box_pooler=pooler(7),
        box_head=box_head(),
        box_predictor=predictor(10, 10, 5, 5),
        **{**_MASKS, **arguments},
    )


def cascade_heads(num_stages=3, **arguments):
    weights = [(10, 10, 5, 5), (20, 20, 10, 10), (30, 30, 15, 15), (40, 40, 20, 20)]
    return call(
        "roi_heads.CascadeROIHeads",
        **_REGIONS,
        proposal_matchers=[matcher([0.5 + k / 10], [0, 1]) for k in range(num_stages)],
        box_in_features=_LEVELS,
        box_pooler=pooler(7),
        box_heads=[box_head() for _ in range(num_stages)],
        box_predictors=[
            predictor(*one, up="...", cls_agnostic_bbox_reg=True) for one in weights[:num_stages]
        ],
        **{**_MASKS, **arguments},
    )


def mask_rcnn(**arguments):
    made = call(
        "GeneralizedRCNN",
        backbone=fpn(),
        proposal_generator=rpn(),
        roi_heads=standard_heads(),
        input_format="BGR",
        **_PIXELS,
    )
    return copy.deepcopy({**made, **arguments})


def semantic_head():
    shapes = {
        name: shape(stride=4 * 2**index, channels="${....backbone.out_channels}")
        for index, name in enumerate(_LEVELS)
    }
    return call(
        "meta_arch.semantic_seg.SemSegFPNHead",
        input_shape=shapes,
        ignore_value=255,
        num_classes=54,
        conv_dims=128,
        common_stride=4,
        loss_weight=0.5,
        norm="GN",
    )


def panoptic_fpn(**arguments):
    made = mask_rcnn(sem_seg_head=semantic_head())
    return {**made, "_target_": "detectron2.modeling.PanopticFPN", **arguments}


def semantic_segmentor():
    return call("SemanticSegmentor", backbone=fpn(), sem_seg_head=semantic_head(), **_PIXELS)


def retinanet(**arguments):
    scales = [1.0, 2 ** (1 / 3), 2 ** (2 / 3)]
    made = call(
        "meta_arch.RetinaNet",
        backbone=call(
            "FPN",
            bottom_up=resnet(["res3", "res4", "res5"]),
            in_features=["res3", "res4", "res5"],
            out_channels=256,
            top_block=call(
                "backbone.fpn.LastLevelP6P7", in_channels=2048, out_channels="${..out_channels}"
            ),
        ),
        head=call(
            "meta_arch.retinanet.RetinaNetHead",
            input_shape=[shape(channels=256)] * 5,
            num_classes="${..num_classes}",
            conv_dims=[256] * 4,
            prior_prob=0.01,
            num_anchors=9,
        ),
        anchor_generator=call(
            "anchor_generator.DefaultAnchorGenerator",
            sizes=[[side * scale for scale in scales] for side in (32, 64, 128, 256, 512)],
            aspect_ratios=[0.5, 1.0, 2.0],
            strides=[8, 16, 32, 64, 128],
            offset=0.0,
        ),
        box2box_transform=coder(1.0, 1.0, 1.0, 1.0),
        anchor_matcher=matcher([0.4, 0.5], [0, -1, 1], allow_low_quality_matches=True),
        num_classes=80,
        head_in_features=["p3", "p4", "p5", "p6", "p7"],
        focal_loss_alpha=0.25,
        focal_loss_gamma=2.0,
        input_format="BGR",
        **_PIXELS,
    )
    return copy.deepcopy({**made, **arguments})


def write_yaml(model, **around):
    """The text of a configuration with a model."""
    return yaml.dump({"model": model, **around}, Dumper=_Dumper, sort_keys=True)


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out, as OmegaConf does."""

    def ignore_aliases(self, data):
        return True
