"""Mask R-CNN R50-FPN against detectron2, node by node from golden inputs and end to end."""

import pytest
import torch

from composer.structures import ImageBatch
from parity.configurations import read_state_dict
from parity.golden import (
    FEATURE_TOLERANCE,
    SCORE_TOLERANCE,
    SMALLEST_MATCHED_SHARE,
    GoldenCase,
    assert_features_match,
    assert_instances_match,
    match_boxes,
    matched_share,
    relative_error,
)
from parity.mask_rcnn import MaskRCNN

NUM_STORED_REGIONS = 8


@pytest.fixture(scope="module")
def golden():
    return GoldenCase("mask_rcnn_fpn")


@pytest.fixture(scope="module")
def model(golden):
    model = MaskRCNN(
        stem_out_channels=8,
        res2_out_channels=16,
        width_per_group=4,
        fpn_channels=16,
        fc_dim=32,
        mask_conv_dim=16,
        post_nms_topk=200,
    )
    model.load_state_dict(golden.state_dict, strict=True)
    return model


@pytest.fixture(scope="module")
def images(golden, model):
    return model.preprocess(ImageBatch.from_records(golden.records)).images


def test_state_dict_of_the_full_model_has_the_keys_and_shapes_of_detectron2():
    with torch.device("meta"):
        model = MaskRCNN()
    actual = {name: list(value.shape) for name, value in model.state_dict().items()}
    expected = read_state_dict("mask_rcnn_R_50_FPN_3x")
    assert len(expected) == 307
    assert actual == expected


@torch.no_grad()
def test_backbone_gives_the_golden_features(golden, model, images):
    features = model.extract(images)
    assert list(features) == ["p2", "p3", "p4", "p5", "p6"]
    assert_features_match(features, golden)


def test_golden_features_give_the_golden_proposals(golden, model, images):
    proposals = model.propose(images, golden.features)
    for image, (boxes, logits) in enumerate(zip(*golden.proposals, strict=True)):
        pairs = match_boxes(proposals.boxes[image], boxes)
        share = matched_share(pairs, len(proposals.boxes[image]), len(boxes))
        assert share >= SMALLEST_MATCHED_SHARE
        rows, columns = zip(*pairs, strict=True)
        differences = proposals.objectness_logits[image][list(rows)] - logits[list(columns)]
        assert differences.abs().max() < SCORE_TOLERANCE * logits.abs().max()


def test_golden_proposals_give_the_golden_box_features(golden, model):
    pooled = model.roi_heads.box_pooler(golden.features, golden.proposals[0])
    expected = golden.tensor("intermediate/roi_heads.box_pooler")
    assert relative_error(pooled[:NUM_STORED_REGIONS], expected) < FEATURE_TOLERANCE


@torch.no_grad()
def test_golden_proposals_give_detections_with_the_golden_mask_features(golden, model, images):
    detected = model.detect(images, golden.features, golden.proposals[0])
    expected = golden.instances[0]
    height, width = images.image_sizes[0]
    golden_boxes = expected.pred_boxes.scale(
        width / expected.image_size[1], height / expected.image_size[0]
    )
    same_class = detected.classes[0][:, None] == expected.pred_classes[None]
    pairs = dict(match_boxes(detected.boxes[0], golden_boxes, same_class))
    assert len(pairs) >= SMALLEST_MATCHED_SHARE * len(expected)
    pooled = model.roi_heads.mask_pooler(golden.features, detected.boxes)
    golden_pooled = golden.tensor("intermediate/roi_heads.mask_pooler")
    stored = [(row, column) for row, column in pairs.items() if column < NUM_STORED_REGIONS]
    assert len(stored) >= NUM_STORED_REGIONS - 1
    for row, column in stored:
        assert relative_error(pooled[row], golden_pooled[column]) < FEATURE_TOLERANCE


def test_golden_proposals_give_the_golden_instances(golden, model, images):
    batch = ImageBatch.from_records(golden.records)
    found = model.finish(batch, images, golden.features, golden.proposals[0])
    assert_instances_match(found, golden.instances)


def test_images_give_the_golden_instances_end_to_end(golden, model):
    found = model(ImageBatch.from_records(golden.records))
    assert_instances_match(found, golden.instances)
