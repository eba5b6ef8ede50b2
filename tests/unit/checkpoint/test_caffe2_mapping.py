import pickle

import numpy as np
import pytest
import torch

from composer.checkpoint import match_tensors, read_checkpoint
from composer.checkpoint.caffe2_mapping import Caffe2Mapping
from composer.errors import CheckpointError
from unit.checkpoint.detectron2_keys import blob_of, mask_rcnn_fpn

NUM_CLASSES = 3
ROWS = {  # of the predictors, in Detectron1's order
    "cls_score_w": NUM_CLASSES + 1,
    "cls_score_b": NUM_CLASSES + 1,
    "bbox_pred_w": 4 * (NUM_CLASSES + 1),
    "bbox_pred_b": 4 * (NUM_CLASSES + 1),
    "mask_fcn_logits_w": NUM_CLASSES + 1,
    "mask_fcn_logits_b": NUM_CLASSES + 1,
}


def rename(**tensors):
    return Caffe2Mapping().rename({name: torch.tensor(rows) for name, rows in tensors.items()})


def blobs_of_mask_rcnn():
    blobs = {}
    for index, key in enumerate(mask_rcnn_fpn()):
        if blob := blob_of(key):
            blobs[blob] = 100 * index + np.arange(ROWS.get(blob, 2), dtype=np.float32)
            blobs[f"{blob}_momentum"] = np.zeros(2, np.float32)
    return blobs


def wanted_of_mask_rcnn():
    """The state dicts of the nodes, by path, with the values that the blobs should end up as."""
    blobs = blobs_of_mask_rcnn()
    nodes = {}
    for key in mask_rcnn_fpn():
        path = next(path for path, prefix in PREFIXES.items() if key.startswith(prefix))
        nodes.setdefault(path, {})[key.removeprefix(PREFIXES[path])] = wanted_value(key, blobs)
    return nodes


def wanted_value(key, blobs):
    if (blob := blob_of(key)) is None:
        return torch.zeros(2) if key.endswith("running_mean") else torch.ones(2)
    value = torch.from_numpy(blobs[blob])
    if "cls_score" in key:
        return value.roll(-1)
    if blob in ROWS:
        return value[4:] if "bbox_pred" in key else value[1:]
    return value


PREFIXES = {
    "backbone.bottom_up": "backbone.bottom_up.",
    "backbone.fpn": "backbone.",
    "proposal_generator.rpn_head": "proposal_generator.rpn_head.",
    "roi_heads.box_head": "roi_heads.box_head.",
    "roi_heads.box_predictor": "roi_heads.box_predictor.",
    "roi_heads.mask_head": "roi_heads.mask_head.",
}


@pytest.mark.parametrize("has_section", [True, False])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_whole_mask_rcnn_of_detectron1_loads_into_its_nodes(has_section, protocol, tmp_path):
    blobs = blobs_of_mask_rcnn()
    document = {"blobs": blobs, "cfg": "MODEL: {}"} if has_section else blobs
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(document, protocol))
    checkpoint = read_checkpoint(tmp_path / "model.pkl")
    wanted = wanted_of_mask_rcnn()
    assignment, report = match_tensors(wanted, checkpoint, prefix_of=PREFIXES)

    assert checkpoint.format == "caffe2 pickle"
    assert report.ok
    assert not report.ignored
    assert sum(len(node.loaded) for node in report.nodes.values()) == 307
    for path, state in wanted.items():
        for name, value in state.items():
            assert torch.equal(assignment[path][name], value), (path, name)


def test_a_backbone_of_msra_loads_without_its_classifier(tmp_path):
    blobs = {
        blob: value
        for blob, value in blobs_of_mask_rcnn().items()
        if blob.startswith(("conv1", "res"))
    }
    blobs |= {name: np.zeros(2, np.float32) for name in ("fc1000_w", "fc1000_b", "conv1_b")}
    (tmp_path / "R-50.pkl").write_bytes(pickle.dumps(blobs, 2))
    path = "backbone.bottom_up"
    report = match_tensors(
        {path: wanted_of_mask_rcnn()[path]},
        read_checkpoint(tmp_path / "R-50.pkl"),
        prefix_of=PREFIXES,
    ).report
    assert report.ok
    assert len(report.nodes[path].loaded) == 265
    assert set(report.ignored) == {"fc1000.weight", "fc1000.bias", "stem.conv1.bias"}


def test_the_background_moves_from_the_first_class_to_the_last():
    renamed = rename(cls_score_b=[9, 1, 2, 3])
    assert renamed["box_predictor.cls_score.bias"].tolist() == [1, 2, 3, 9]


def test_boxes_and_masks_of_the_background_are_dropped():
    renamed = rename(bbox_pred_b=list(range(12)), mask_fcn_logits_b=[9, 1, 2])
    assert renamed["box_predictor.bbox_pred.bias"].tolist() == list(range(4, 12))
    assert renamed["mask_head.predictor.bias"].tolist() == [1, 2]


def test_predictions_that_do_not_depend_on_the_class_are_kept():
    renamed = rename(bbox_pred_b=[1, 2, 3, 4], mask_fcn_logits_b=[5])
    assert renamed["box_predictor.bbox_pred.bias"].tolist() == [1, 2, 3, 4]
    assert renamed["mask_head.predictor.bias"].tolist() == [5]


def test_the_classes_of_retinanet_have_no_background():
    assert rename(retnet_cls_pred_fpn3_b=[1, 2])["head.cls_score.bias"].tolist() == [1, 2]


def test_a_folded_batch_norm_gets_neutral_statistics():
    renamed = rename(res_conv1_bn_s=[2.0, 3.0], res_conv1_bn_b=[0.0, 1.0])
    assert renamed["stem.conv1.norm.running_mean"].tolist() == [0, 0]
    assert renamed["stem.conv1.norm.running_var"].tolist() == [1, 1]


def test_statistics_that_are_there_are_kept():
    renamed = rename(res_conv1_bn_s=[2.0], res_conv1_bn_rm=[5.0], res_conv1_bn_riv=[7.0])
    assert renamed["stem.conv1.norm.running_mean"].tolist() == [5]
    assert renamed["stem.conv1.norm.running_var"].tolist() == [7]


def test_a_group_norm_gets_no_statistics():
    assert set(rename(head_conv1_gn_s=[1.0])) == {"box_head.conv1.norm.weight"}


def test_two_blobs_for_one_parameter_are_an_error():
    with pytest.raises(CheckpointError, match="'conv_rpn_w' and 'conv_rpn_fpn2_w' are both"):
        rename(conv_rpn_w=[1.0], conv_rpn_fpn2_w=[1.0])
