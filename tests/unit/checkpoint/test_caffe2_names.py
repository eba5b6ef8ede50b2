import pytest

from composer.checkpoint.caffe2_mapping import is_caffe2, rename_blob
from composer.checkpoint.tensor_matching import match_by_suffix
from unit.checkpoint import detectron2_keys
from unit.checkpoint.detectron2_keys import blob_of

MODELS = {
    "mask_rcnn_fpn": 307,
    "keypoint_rcnn_fpn": 313,
    "mask_rcnn_c4": 279,
    "retinanet": 301,
}


@pytest.mark.parametrize(
    ("blob", "name"),
    [
        ("conv1_w", "stem.conv1.weight"),
        ("conv1_b", "stem.conv1.bias"),
        ("conv1_gn_s", "stem.conv1.norm.weight"),
        ("res_conv1_bn_s", "stem.conv1.norm.weight"),
        ("res_conv1_bn_b", "stem.conv1.norm.bias"),
        ("res2_0_branch1_w", "res2.0.shortcut.weight"),
        ("res2_0_branch1_bn_b", "res2.0.shortcut.norm.bias"),
        ("res2_0_branch2a_w", "res2.0.conv1.weight"),
        ("res4_22_branch2b_bn_s", "res4.22.conv2.norm.weight"),
        ("res5_2_branch2c_bn_rm", "res5.2.conv3.norm.running_mean"),
        ("res5_2_branch2c_bn_riv", "res5.2.conv3.norm.running_var"),
        ("res3_1_branch2a_bn_gamma", "res3.1.conv1.norm.weight"),
        ("res3_1_branch2a_bn_beta", "res3.1.conv1.norm.bias"),
        ("res3_1_branch2a_bn_running_var", "res3.1.conv1.norm.running_var"),
        ("res3_1_branch2a_gn_s", "res3.1.conv1.norm.weight"),
        ("fc1000_w", "fc1000.weight"),
        ("fpn_inner_res5_2_sum_w", "fpn_lateral5.weight"),
        ("fpn_inner_res4_22_sum_lateral_b", "fpn_lateral4.bias"),
        ("fpn_inner_res2_2_sum_lateral_gn_s", "fpn_lateral2.norm.weight"),
        ("fpn_res2_2_sum_w", "fpn_output2.weight"),
        ("fpn_res5_2_sum_gn_b", "fpn_output5.norm.bias"),
        ("fpn_6_w", "top_block.p6.weight"),
        ("fpn_7_b", "top_block.p7.bias"),
        ("conv_rpn_w", "rpn_head.conv.weight"),
        ("conv_rpn_fpn2_w", "rpn_head.conv.weight"),
        ("rpn_cls_logits_b", "rpn_head.objectness_logits.bias"),
        ("rpn_cls_logits_fpn2_b", "rpn_head.objectness_logits.bias"),
        ("rpn_bbox_pred_fpn2_w", "rpn_head.anchor_deltas.weight"),
        ("fc6_w", "box_head.fc1.weight"),
        ("fc7_b", "box_head.fc2.bias"),
        ("head_conv1_w", "box_head.conv1.weight"),
        ("head_conv4_gn_s", "box_head.conv4.norm.weight"),
        ("cls_score_w", "box_predictor.cls_score.weight"),
        ("bbox_pred_b", "box_predictor.bbox_pred.bias"),
        ("_[mask]_fcn1_w", "mask_head.mask_fcn1.weight"),
        ("_[mask]_fcn4_gn_b", "mask_head.mask_fcn4.norm.bias"),
        ("_mask_fcn2_w", "mask_head.mask_fcn2.weight"),
        ("conv5_mask_w", "mask_head.deconv.weight"),
        ("mask_fcn_logits_b", "mask_head.predictor.bias"),
        ("conv_fcn1_w", "keypoint_head.conv_fcn1.weight"),
        ("conv_fcn8_b", "keypoint_head.conv_fcn8.bias"),
        ("kps_score_lowres_w", "keypoint_head.score_lowres.weight"),
        ("kps_score_w", "keypoint_head.score.weight"),
        ("retnet_cls_conv_n0_fpn3_w", "head.cls_subnet.0.weight"),
        ("retnet_bbox_conv_n3_fpn3_b", "head.bbox_subnet.6.bias"),
        ("retnet_cls_pred_fpn3_w", "head.cls_score.weight"),
        ("retnet_bbox_pred_fpn3_b", "head.bbox_pred.bias"),
        ("lr", "lr"),
        ("some_layer_w", "some_layer.weight"),
    ],
)
def test_a_blob_gets_the_name_that_detectron2_gives_it(blob, name):
    assert rename_blob(blob) == name


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_of_a_model_is_found_again_under_its_blob_name(model):
    keys = getattr(detectron2_keys, model)()
    assert len(keys) == MODELS[model]
    parameters = [key for key in keys if blob_of(key)]
    renamed = {rename_blob(blob_of(key)): key for key in parameters}
    assert len(renamed) == len(parameters)
    assert match_by_suffix(keys, renamed) == {key: name for name, key in renamed.items()}


@pytest.mark.parametrize("model", MODELS)
def test_the_blobs_of_a_model_are_recognised_and_its_keys_are_not(model):
    keys = getattr(detectron2_keys, model)()
    blobs = [blob for key in keys if (blob := blob_of(key))]
    assert is_caffe2(blobs)
    assert is_caffe2([*blobs, *(f"{blob}_momentum" for blob in blobs), "lr", "weight_order"])
    assert not is_caffe2(keys)


@pytest.mark.parametrize("keys", [[], ["weight", "bias"], ["w", "b"], ["a.conv_w", "b_w"]])
def test_other_names_are_not_taken_for_blobs(keys):
    assert not is_caffe2(keys)
