import pytest
import torch
from torchvision import models

from composer.layers import FrozenBatchNorm2d
from composer.structures import ImageList, TensorShape
from composer.testing import check_node_type
from composer_regnet.backbone import RegNet
from composer_regnet.widths import plan_stages

IMAGES = TensorShape(channels=3, stride=1)
LEVELS = ("stem", "s1", "s2", "s3", "s4")
TINY = {"depth": 6, "w_0": 8, "w_a": 8.0, "w_m": 2.0, "group_width": 8, "stem_width": 4}

# The networks of 0.4, 0.8 and 3.2 billion multiplications (Radosavovic et al. 2020, appendix).
X_800MF = {"depth": 16, "w_0": 56, "w_a": 35.73, "w_m": 2.28, "group_width": 16}
X_3_2GF = {"depth": 25, "w_0": 88, "w_a": 26.31, "w_m": 2.25, "group_width": 48}
Y_400MF = {"depth": 16, "w_0": 48, "w_a": 27.89, "w_m": 2.09, "group_width": 8}
Y_3_2GF = {"depth": 21, "w_0": 80, "w_a": 42.63, "w_m": 2.66, "group_width": 24}


def tiny(**options):
    return RegNet(images_shape=IMAGES, **{**TINY, **options})


def run(model, height=64, width=96):
    images = ImageList(torch.rand(1, 3, height, width), [(height, width)])
    return model(images)


@pytest.mark.parametrize("se_ratio", [0.0, 0.25])
def test_features_have_the_shapes_that_are_announced(se_ratio):
    model = tiny(out_features=LEVELS, se_ratio=se_ratio)
    features = run(model.eval())
    assert list(features) == list(model.output_shape) == list(LEVELS)
    for name, shape in model.output_shape.items():
        assert features[name].shape == (1, shape.channels, 64 // shape.stride, 96 // shape.stride)
    assert [shape.stride for shape in model.output_shape.values()] == [2, 4, 8, 16, 32]


@pytest.mark.parametrize(
    ("name", "parameters", "se_ratio"),
    [
        ("regnet_x_800mf", X_800MF, 0.0),
        ("regnet_x_3_2gf", X_3_2GF, 0.0),
        ("regnet_y_400mf", Y_400MF, 0.25),
        ("regnet_y_3_2gf", Y_3_2GF, 0.25),
    ],
)
def test_torchvisions_networks_have_the_same_weights(name, parameters, se_ratio):
    theirs = getattr(models, name)()
    with torch.device("meta"):
        ours = RegNet(
            images_shape=IMAGES,
            out_features=("s4",),
            norm="BN",
            freeze_at=0,
            se_ratio=se_ratio,
            **parameters,
        )
    expected = [tuple(p.shape) for n, p in theirs.named_parameters() if not n.startswith("fc.")]
    assert sorted(tuple(p.shape) for p in ours.parameters()) == sorted(expected)


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_it_is_a_well_behaved_node_type(mode):
    config = {**TINY, "se_ratio": 0.25, "norm": "BN", "out_features": ("s1", "s4")}
    inputs = {"images": ImageList(torch.rand(2, 3, 64, 96), [(64, 96)] * 2)}
    check_node_type(RegNet, inputs, config=config, shapes={"images": IMAGES}, mode=mode)


def test_4gf_networks_have_the_widths_of_detectron2():
    plans = plan_stages(depth=23, w_0=96, w_a=38.65, w_m=2.43, group_width=40, bottleneck_ratio=1.0)
    assert [plan.width for plan in plans] == [80, 240, 560, 1360]
    assert [plan.num_blocks for plan in plans] == [2, 5, 14, 2]


@pytest.mark.parametrize("ratio", [0.25, 0.5, 2.0])
def test_groups_divide_the_bottleneck_of_any_ratio(ratio):
    plans = plan_stages(depth=9, w_0=24, w_a=13.0, w_m=2.1, group_width=16, bottleneck_ratio=ratio)
    for plan in plans:
        assert plan.bottleneck_width % plan.group_width == 0
        assert plan.bottleneck_width == round(plan.width * ratio)
    run(tiny(bottleneck_ratio=ratio).eval())


def test_blocks_of_one_width_keep_the_shortcut_as_it_is():
    model = tiny(out_features=("s3",))
    assert [block.proj is None for block in model.s3] == [False, True, True]


def test_stages_after_the_last_level_are_not_built():
    model = tiny(out_features=("s2", "stem"))
    assert [name for name, _ in model.named_children()] == ["stem", "s1", "s2"]
    assert list(run(model.eval())) == ["stem", "s2"]


def test_frozen_levels_have_no_gradients_and_keep_their_statistics():
    model = tiny(norm="BN", freeze_at=2)
    trainable = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {"s2", "s3", "s4"}
    assert isinstance(model.s1.b1.f.a_bn, FrozenBatchNorm2d)
    before = model.stem.bn.running_mean.clone()
    run(model.train())
    assert torch.equal(model.stem.bn.running_mean, before)
    assert not isinstance(model.s2.b1.f.a_bn, FrozenBatchNorm2d)


def test_squeeze_and_excitation_depends_on_the_whole_map():
    model = tiny(se_ratio=0.25, norm="", out_features=("s1",), freeze_at=0)
    image = torch.rand(1, 3, 128, 128)
    changed = image.clone()
    changed[..., 96:, 96:] += 1
    maps = [model(ImageList(x, [(128, 128)]))["s1"] for x in (image, changed)]
    assert not torch.equal(maps[0][..., :8, :8], maps[1][..., :8, :8])


def test_all_weights_get_gradients():
    model = tiny(se_ratio=0.25, norm="BN", freeze_at=0)
    sum(map_.square().mean() for map_ in run(model).values()).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_features": ()}, "names no level"),
        ({"out_features": ("s9",)}, "no level 's9', only stem, s1, s2, s3, s4"),
        ({"w_0": 12}, "w_0 must be a multiple of 8, not 12"),
        ({"w_m": 1.0}, "w_m must exceed 1"),
        ({"bottleneck_ratio": 1.5}, "whole number"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)
