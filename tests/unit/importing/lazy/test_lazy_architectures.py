"""Architectures that LazyConfig may write become specs of the same keys as detectron2's."""

import pytest
import torch

from composer import Graph, import_config
from parity.configurations import read_lazy_state_dict, read_state_dict
from unit.importing import lazy_models as models


@pytest.fixture
def build(write):
    def build_graph(model, **around):
        document = import_config(write(models.write_yaml(model, **around)))
        with torch.device("meta"):
            return document, Graph.from_spec(document)

    return build_graph


def backbone_of(state):
    return {key: shape for key, shape in state.items() if key.startswith("backbone.")}


def shapes(graph):
    return {key: list(value.shape) for key, value in graph.state_dict().items()}


@pytest.mark.parametrize(
    ("model", "name", "base"),
    [
        (models.mask_rcnn(), "mask_rcnn_R_50_FPN_3x", "mask_rcnn_r50_fpn"),
        (
            models.mask_rcnn(
                roi_heads=models.cascade_heads(),
                proposal_generator=models.rpn(post_nms_topk=[2000, 1000]),
            ),
            "cascade_mask_rcnn_R_50_FPN_3x",
            "cascade_mask_rcnn_r50_fpn",
        ),
        (models.retinanet(), "retinanet_R_50_FPN_3x", "retinanet_r50_fpn"),
        (models.panoptic_fpn(), "panoptic_fpn_R_50_3x", "panoptic_r50_fpn"),
    ],
)
def test_a_model_of_the_zoo_is_the_shipped_spec(build, model, name, base):
    document, graph = build(model)
    assert document["extends"] == f"detection-composer/{base}"
    assert not {"set", "nodes", "params"} & document.keys()
    assert shapes(graph) == read_state_dict(name)


def test_a_semantic_segmentor_has_the_keys_of_a_panoptic_fpn(build):
    document, graph = build(models.semantic_segmentor())
    whole = read_state_dict("panoptic_fpn_R_50_3x")
    expected = {k: v for k, v in whole.items() if k.startswith(("backbone.", "sem_seg_head."))}
    assert document["set"] == {"sem_seg_loss.loss_weight": 0.5}
    assert shapes(graph) == expected


def test_a_proposal_network_has_no_region_heads(build):
    model = models.mask_rcnn()
    del model["roi_heads"]
    document, graph = build({**model, "_target_": "detectron2.modeling.ProposalNetwork"})
    whole = read_state_dict("mask_rcnn_R_50_FPN_3x")
    assert document["extends"] == "detection-composer/rpn_r50_fpn"
    assert shapes(graph) == {k: v for k, v in whole.items() if not k.startswith("roi_heads.")}


def test_heads_without_masks_have_no_mask_branch(build):
    model = models.mask_rcnn()
    for name in ("mask_in_features", "mask_pooler", "mask_head"):
        del model["roi_heads"][name]
    document, _ = build(model)
    assert document["extends"] == "detection-composer/faster_rcnn_r50_fpn"


def test_a_branch_without_levels_is_off(build):
    model = models.mask_rcnn(roi_heads=models.standard_heads(mask_in_features=None))
    document, _ = build(model)
    assert document["extends"] == "detection-composer/faster_rcnn_r50_fpn"


@pytest.mark.parametrize("num_stages", [1, 2, 4])
def test_a_cascade_has_as_many_stages_as_its_lists(build, num_stages):
    _, graph = build(models.mask_rcnn(roi_heads=models.cascade_heads(num_stages)))
    stages = {key.split(".")[2] for key in graph.state_dict() if key.startswith("roi_heads.box_h")}
    assert stages == {str(stage) for stage in range(num_stages)}


def test_without_a_proposal_generator_proposals_come_with_the_images(build):
    document, _ = build(models.mask_rcnn(proposal_generator=None))
    assert "given_proposals" in document["nodes"]["proposal_generator"]["uses"]


def test_a_vision_transformer_serves_a_retinanet(build):
    net = models.call(
        "ViT", embed_dim=48, depth=2, num_heads=2, window_size=0, out_feature="last_feat"
    )
    pyramid = models.call(
        "SimpleFeaturePyramid",
        net=net,
        in_feature="${.net.out_feature}",
        out_channels=256,
        scale_factors=[2.0, 1.0, 0.5],
        top_block=models.call(
            "backbone.fpn.LastLevelP6P7", in_channels=256, out_channels=256, in_feature="p5"
        ),
        norm="LN",
        square_pad=1024,
    )
    document, graph = build(models.retinanet(backbone=pyramid))
    assert document["nodes"]["backbone"]["spec"] == "detection-composer/blocks/vit_b_fpn"
    # Without `norm_layer`, it is torch's, whose epsilon is not that of ViTDet.
    assert document["set"]["backbone.net"]["norm_eps"] == 1e-5
    found = shapes(graph)
    vit = read_lazy_state_dict("ViTDet-COCO__mask_rcnn_vitdet_h_75ep")
    blocks = {key for key in vit if key.startswith(("backbone.net.blocks.0.", "backbone.simfp_3"))}
    assert {key for key in blocks if "rel_pos" not in key} <= found.keys()


def test_written_stages_are_those_of_a_resnext(write):
    stages = [
        models.call(
            "ResNet.make_stage",
            block_class="BOTTLENECK",
            num_blocks=count,
            in_channels=64 if index == 0 else 128 * 2**index,
            out_channels=256 * 2**index,
            bottleneck_channels=256 * 2**index,
            stride_per_block=[1 if index == 0 else 2] + [1] * (count - 1),
            num_groups=32,
            stride_in_1x1=False,
            norm="FrozenBN",
        )
        for index, count in enumerate((3, 4, 23, 3))
    ]
    model = models.mask_rcnn()
    model["backbone"]["bottom_up"]["stages"] = stages
    name = "!!python/name:detectron2.modeling.backbone.resnet.BottleneckBlock ''"
    document = import_config(write(models.write_yaml(model).replace("BOTTLENECK", name)))
    with torch.device("meta"):
        graph = Graph.from_spec(document)
    expected = read_state_dict("mask_rcnn_X_101_32x8d_FPN_1x")
    assert backbone_of(shapes(graph)) == backbone_of(expected)
