import pytest
import torch

from composer_efficientnet.key_mapping import EfficientNetLiteMapping
from unit.plugins.composer_efficientnet.classifier import random_state

MAPPING = EfficientNetLiteMapping()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("_conv_stem.weight", "stem.weight"),
        ("_bn0.running_mean", "stem.norm.running_mean"),
        ("_blocks.3._expand_conv.weight", "blocks.3.expand.weight"),
        ("_blocks.3._bn0.weight", "blocks.3.expand.norm.weight"),
        ("_blocks.12._depthwise_conv.weight", "blocks.12.depthwise.weight"),
        ("_blocks.12._bn1.bias", "blocks.12.depthwise.norm.bias"),
        ("_blocks.0._project_conv.weight", "blocks.0.project.weight"),
        ("_blocks.0._bn2.running_var", "blocks.0.project.norm.running_var"),
        ("_conv_head.weight", "head.conv.weight"),
        ("_bn1.bias", "head.conv.norm.bias"),
        ("_fc.weight", "head.fc.weight"),
        ("something.else", "something.else"),
    ],
)
def test_a_weight_gets_this_plugins_name(key, expected):
    tensor = torch.ones(1)
    assert MAPPING.rename({key: tensor}) == {expected: tensor}


def test_no_two_weights_get_one_name():
    state = random_state()
    assert len(MAPPING.rename(state)) == len(state) == 296


@pytest.mark.parametrize(
    ("keys", "is_one"),
    [
        (["_conv_stem.weight", "_blocks.0._bn1.bias"], True),
        (["_conv_stem.weight"], False),
        (["_blocks.0._bn1.bias"], False),
        (["_conv_stem.weight", "_blocks.0._bn1.bias", "_blocks.0._se_reduce.weight"], False),
        (["stem.weight", "blocks.0.expand.weight"], False),
    ],
)
def test_lite_classifiers_are_recognised_and_others_are_not(keys, is_one):
    assert MAPPING.recognises(keys) is is_one
