import pytest
import torch
from torch import nn

from composer.layers import FrozenBatchNorm2d
from composer.structures import ImageList, TensorShape
from composer_resnet.resnet import ResNet

IMAGES = TensorShape(channels=3, stride=1)
ALL = ("stem", "res2", "res3", "res4", "res5")


def tiny(**options):
    defaults = {
        "images_shape": IMAGES,
        "stem_out_channels": 4,
        "res2_out_channels": 8,
        "width_per_group": 2,
    }
    return ResNet(**{**defaults, **options})


def run(model, height=64, width=96, num_images=1):
    images = ImageList(torch.rand(num_images, 3, height, width), [(height, width)] * num_images)
    return model.eval()(images)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_features_have_the_shapes_that_are_announced(depth):
    model = tiny(depth=depth, out_features=ALL)
    features = run(model)
    assert list(features) == list(model.output_shape) == list(ALL)
    for name, shape in model.output_shape.items():
        assert features[name].shape == (1, shape.channels, 64 // shape.stride, 96 // shape.stride)


def test_strides_and_channels_double():
    shapes = tiny(out_features=ALL).output_shape
    assert [shape.stride for shape in shapes.values()] == [4, 4, 8, 16, 32]
    assert [shape.channels for shape in shapes.values()] == [4, 8, 16, 32, 64]


@pytest.mark.parametrize(
    ("depth", "parameters_in_millions"),
    [(18, 11.177), (34, 21.285), (50, 23.508), (101, 42.500), (152, 58.144)],
)
def test_the_full_networks_have_the_sizes_of_the_paper(depth, parameters_in_millions):
    with torch.device("meta"):
        model = ResNet(
            images_shape=IMAGES,
            depth=depth,
            out_features=("res5",),
            norm="BN",
            freeze_at=0,
            res2_out_channels=64 if depth < 50 else 256,
        )
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(parameters_in_millions, abs=0.001)


def test_stages_after_the_last_level_are_not_built():
    model = tiny(out_features=("res3", "stem"))
    assert [name for name, _ in model.named_children()] == ["stem", "res2", "res3"]
    assert list(run(model)) == ["stem", "res3"]


def test_dilation_keeps_res5_at_the_resolution_of_res4():
    model = tiny(out_features=("res4", "res5"), res5_dilation=2)
    features = run(model)
    assert model.output_shape["res5"].stride == 16
    assert features["res5"].shape[-2:] == features["res4"].shape[-2:]
    assert model.res5[2].conv2.dilation == (2, 2)


@pytest.mark.parametrize(("in_1x1", "strides"), [(True, (2, 1)), (False, (1, 2))])
def test_the_stride_is_in_the_convolution_that_was_asked_for(in_1x1, strides):
    block = tiny(out_features=("res3",), stride_in_1x1=in_1x1).res3[0]
    assert (block.conv1.stride[0], block.conv2.stride[0]) == strides
    assert block.shortcut.stride == (2, 2)


def test_groups_make_the_bottleneck_wider():
    block = tiny(out_features=("res3",), num_groups=4, width_per_group=2).res3[0]
    assert block.conv2.groups == 4
    assert block.conv2.weight.shape == (16, 4, 3, 3)


def test_the_first_levels_are_frozen():
    model = tiny(out_features=("res3",), norm="BN", freeze_at=2)
    learning = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    norms = {
        name.split(".")[0]
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    }
    assert learning == norms == {"res3"}
    assert isinstance(model.stem.conv1.norm, FrozenBatchNorm2d)


def test_nothing_is_frozen_at_0():
    model = tiny(out_features=("res2",), norm="BN", freeze_at=0)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_gradients_reach_what_is_not_frozen():
    model = tiny(out_features=("res3",))
    model(ImageList(torch.rand(1, 3, 32, 32), [(32, 32)]))["res3"].sum().backward()
    assert model.res3[0].conv1.weight.grad is not None
    assert model.res2[0].conv1.weight.grad is None


@pytest.mark.parametrize("size", [(1, 1), (33, 50)])
def test_any_size_of_image_is_taken(size):
    assert run(tiny(out_features=("res5",)), *size)["res5"].numel() > 0


def test_no_images_have_features_of_no_images():
    assert run(tiny(out_features=("res5",)), num_images=0)["res5"].shape == (0, 64, 2, 3)


def test_images_of_other_channels_are_taken():
    model = tiny(images_shape=TensorShape(channels=6, stride=1))
    assert model.stem.conv1.in_channels == 6


def test_the_images_and_each_level_stay_as_they_were():
    model = tiny(out_features=ALL).eval()
    seen = {}
    for name in ALL:
        hook = lambda _m, _i, output, name=name: seen.update({name: output.clone()})  # noqa: E731
        model.get_submodule(name).register_forward_hook(hook)
    images = ImageList(torch.rand(1, 3, 32, 32), [(32, 32)])
    before = images.tensor.clone()
    features = model(images)
    assert torch.equal(images.tensor, before)
    assert all(torch.equal(features[name], seen[name]) for name in ALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_features": ()}, "out_features"),
        ({"depth": 18, "num_groups": 2}, "ResNet-18 has no bottlenecks"),
        ({"depth": 34, "res5_dilation": 2}, "ResNet-34 has no bottlenecks"),
        ({"depth": 18, "deform_on_per_stage": (False, False, False, True)}, "deform_on_per_stage"),
        ({"deform_on_per_stage": (True,) * 4, "deform_num_groups": 3}, "3 offset_groups"),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


def test_what_is_added_to_variances_can_be_set():
    model = tiny(norm_eps=0.0, freeze_at=1, norm="BN")
    norms = [module for module in model.modules() if hasattr(module, "eps")]
    assert len(norms) > 30
    assert {norm.eps for norm in norms} == {0.0}
    assert isinstance(model.stem.conv1.norm, FrozenBatchNorm2d)
    assert tiny().stem.conv1.norm.eps == 1e-5
