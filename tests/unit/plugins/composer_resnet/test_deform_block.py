import pytest
import torch

from composer.layers import NormDeformConv2d
from composer.structures import ImageList, TensorShape
from composer_resnet.deform_block import DeformBottleneckBlock
from composer_resnet.resnet import ResNet

ALL = ("stem", "res2", "res3", "res4", "res5")


def tiny(**options):
    defaults = {
        "images_shape": TensorShape(channels=3, stride=1),
        "out_features": ALL,
        "stem_out_channels": 4,
        "res2_out_channels": 8,
        "width_per_group": 2,
        "freeze_at": 0,
    }
    return ResNet(**{**defaults, **options}).eval()


def images_of(height=64, width=96, num_images=1):
    return ImageList(torch.rand(num_images, 3, height, width), [(height, width)] * num_images)


def block(**options):
    defaults = {
        "in_channels": 6,
        "bottleneck_channels": 4,
        "out_channels": 8,
        "stride": 1,
        "stride_in_1x1": False,
        "num_groups": 1,
        "dilation": 1,
        "norm": "FrozenBN",
        "modulated": False,
        "num_offset_groups": 1,
    }
    return DeformBottleneckBlock(**{**defaults, **options})


def test_only_the_stages_that_were_asked_for_are_deformable():
    model = tiny(deform_on_per_stage=(False, True, False, True))
    deformable = {
        name.split(".")[0]
        for name, module in model.named_modules()
        if isinstance(module, NormDeformConv2d)
    }
    assert deformable == {"res3", "res5"}


def test_a_new_network_gives_what_a_plain_one_gives():
    plain, deformable = tiny(), tiny(deform_on_per_stage=(True,) * 4)
    missing = deformable.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert {name.split(".")[2] for name in missing} == {"conv2_offset"}
    images = images_of()
    expected = plain(images)
    for name, features in deformable(images).items():
        torch.testing.assert_close(features, expected[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "channels"),
    [
        ({}, 18),
        ({"modulated": True}, 27),
        ({"num_offset_groups": 2}, 36),
        ({"modulated": True, "num_offset_groups": 2}, 54),
    ],
)
def test_offsets_and_masks_have_the_channels_of_detectron2(options, channels):
    conv = block(**options).conv2_offset
    assert conv.weight.shape == (channels, 4, 3, 3)
    assert conv.bias.shape == (channels,)


def test_weighted_samples_count_half_at_first():
    torch.manual_seed(0)
    plain, modulated = block(), block(modulated=True)
    shared = {n: v for n, v in plain.state_dict().items() if not n.startswith("conv2_offset")}
    modulated.load_state_dict(shared, strict=False)
    x = torch.rand(1, 4, 5, 5)
    torch.testing.assert_close(2 * modulated._sample(x), plain._sample(x))


def test_offsets_come_first_and_masks_last():
    model = block(modulated=True)
    with torch.no_grad():
        model.conv2_offset.bias[18:] = -100.0
    assert model._sample(torch.rand(1, 4, 5, 5)).abs().max() < 1e-6


@pytest.mark.parametrize("in_1x1", [True, False])
def test_the_stride_is_in_the_convolution_that_was_asked_for(in_1x1):
    model = block(stride=2, stride_in_1x1=in_1x1, modulated=True)
    assert model(torch.rand(2, 6, 9, 12)).shape == (2, 8, 5, 6)
    assert model.conv2_offset.stride == ((1, 1) if in_1x1 else (2, 2))


def test_dilated_and_grouped_networks_can_be_deformable():
    model = tiny(
        deform_on_per_stage=(True,) * 4,
        deform_modulated=True,
        deform_num_groups=2,
        num_groups=2,
        res5_dilation=2,
    )
    features = model(images_of())
    for name, shape in model.output_shape.items():
        assert features[name].shape == (1, shape.channels, 64 // shape.stride, 96 // shape.stride)


def test_frozen_stages_keep_their_offsets():
    model = tiny(deform_on_per_stage=(True,) * 4, freeze_at=2)
    learning = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {"res3", "res4", "res5"}


def test_gradients_reach_the_offsets():
    model = tiny(deform_on_per_stage=(False, False, False, True))
    model(images_of())["res5"].square().sum().backward()
    assert model.res5[0].conv2_offset.weight.grad.abs().sum() > 0


def test_what_it_is_given_stays_as_it_was():
    model, x = block(modulated=True), torch.rand(1, 6, 5, 5)
    before = x.clone()
    model(x)
    assert torch.equal(x, before)
