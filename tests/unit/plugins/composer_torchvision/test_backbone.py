import pytest
import torch
from torchvision import models

from composer.layers import FrozenBatchNorm2d
from composer.structures import ImageList, TensorShape
from composer_torchvision.backbone import TorchvisionBackbone

IMAGES = TensorShape(channels=3, stride=1)


def build(name="resnet18", **options):
    return TorchvisionBackbone(images_shape=IMAGES, name=name, **options)


def images_of(height=64, width=96, num_images=2):
    tensor = torch.rand(num_images, 3, height, width)
    return ImageList(tensor, [(height, width)] * num_images)


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "swin_t", "vgg11"]
)
@torch.no_grad()
def test_levels_have_the_shapes_that_are_announced_without_memory(name):
    with torch.device("meta"):
        backbone = build(name)
        features = backbone(images_of())
    assert list(features) == list(backbone.output_shape) == ["c2", "c3", "c4", "c5"]
    for level, shape in backbone.output_shape.items():
        assert features[level].shape == (2, shape.channels, 64 // shape.stride, 96 // shape.stride)


@torch.no_grad()
def test_features_are_those_of_the_network():
    network = models.resnet18(weights=None).eval()
    backbone = build(norm="").eval()
    backbone.load_state_dict(network.state_dict(), strict=False)
    images = images_of()
    stem = network.maxpool(network.relu(network.bn1(network.conv1(images.tensor))))
    expected = network.layer2(network.layer1(stem))
    torch.testing.assert_close(backbone(images)["c3"], expected)


def test_weights_have_the_names_of_torchvision_and_end_with_the_last_level():
    names = set(build(norm="", out_features=("c2", "c3")).state_dict())
    whole = models.resnet18(weights=None).state_dict()
    assert names == {name for name in whole if not name.startswith(("layer3", "layer4", "fc"))}


@pytest.mark.parametrize(
    ("norm", "kind"),
    [
        ("", torch.nn.BatchNorm2d),
        ("FrozenBN", FrozenBatchNorm2d),
        ("SyncBN", torch.nn.SyncBatchNorm),
    ],
)
def test_batch_normalisations_are_of_the_kind_that_is_asked_for(norm, kind):
    backbone = build(norm=norm)
    assert type(backbone.network.bn1) is kind
    plain = models.resnet18(weights=None).state_dict()
    missing, _ = backbone.load_state_dict(plain, strict=False)
    assert missing == []


def test_it_learns_in_training_mode():
    backbone = build(norm="").train()
    sum(level.mean() for level in backbone(images_of()).values()).backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())
    assert backbone.network.bn1.num_batches_tracked == 1


def test_options_reach_the_builder():
    dilated = build(
        "resnet50",
        options={"replace_stride_with_dilation": [False, False, True]},
        out_features=("c4",),
    )
    assert dilated.output_shape["c4"] == TensorShape(channels=2048, stride=16)


@torch.no_grad()
def test_no_images_have_features_of_no_images():
    assert build().eval()(images_of(num_images=0))["c5"].shape == (0, 512, 2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resnet5O"}, "no network 'resnet5O'. Did you mean 'resnet50'"),
        ({"name": "?"}, "no network '[?]'. It has alexnet"),
        ({"out_features": ("c2", "c7")}, "resnet18 has no level c7, only c1, c2, c3, c4, c5"),
        ({"out_features": ()}, "none is named"),
        ({"options": {"weights": "DEFAULT"}}, "'weights' would download"),
        ({"options": {"pretrained": True}}, "'pretrained' would download"),
        ({"parts": {"c3": "layer9"}}, "'layer9' is no part"),
    ],
)
def test_what_does_not_exist_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_images_of_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match="takes images of 3 channels, not of 1"):
        TorchvisionBackbone(images_shape=TensorShape(channels=1))
