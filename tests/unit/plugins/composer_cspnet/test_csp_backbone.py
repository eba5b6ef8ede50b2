import pytest
import torch
import torch.nn.functional as F

from composer.layers import FrozenBatchNorm2d
from composer.structures import ImageList, TensorShape
from composer.testing import check_node_type
from composer_cspnet.backbone import CSPNet

IMAGES = TensorShape(channels=3, stride=1)
LEVELS = ("c2", "c3", "c4", "c5")


def build(**options):
    return CSPNet(images_shape=IMAGES, **{"stem_channels": 4, **options})


def run(model, height=64, width=96):
    return model(ImageList(torch.rand(1, 3, height, width), [(height, width)]))


def convolve(state, name, x, stride=1):
    x = F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding=1)
    return F.leaky_relu(x, 0.1)


def run_plainly(state, x):
    """The maps as the published graph computes them, operation by operation."""
    maps = {}
    x = F.max_pool2d(convolve(state, "stem.0", x, stride=2), 3, 2, 1)
    for level, num_residuals in zip(LEVELS, (1, 2, 2, 3), strict=True):
        start = convolve(state, f"{level}.in_conv", x, stride=1 if level == "c2" else 2)
        x = start
        for index in range(num_residuals):
            first = convolve(state, f"{level}.res_blocks.{index}.in_conv", x)
            second = convolve(state, f"{level}.res_blocks.{index}.mid_conv", first)
            x = torch.cat([second, first], dim=1)
        x = torch.cat([convolve(state, f"{level}.res_out_conv", x), start], dim=1)
        maps[level] = x
    return maps


@pytest.mark.parametrize("size", [(64, 96), (31, 47), (1, 33)])
@torch.no_grad()
def test_it_computes_the_published_network_at_even_and_odd_sizes(size):
    model = build(norm="", freeze_at=0).double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(model(ImageList(x, [size] * 2)), run_plainly(model.state_dict(), x))


def test_the_defaults_have_the_size_of_nanodet_g():
    with torch.device("meta"):
        model = CSPNet(images_shape=IMAGES, norm="")
    shapes = {name: (s.channels, s.stride) for name, s in model.output_shape.items()}
    assert shapes == {"c2": (64, 4), "c3": (128, 8), "c4": (256, 16), "c5": (512, 32)}
    assert sum(p.numel() for p in model.parameters()) == 3_180_256


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_it_is_a_well_behaved_node_type(mode):
    config = {"stem_channels": 4, "norm": "BN", "out_features": ("c2", "c5")}
    inputs = {"images": ImageList(torch.rand(2, 3, 64, 96), [(64, 96)] * 2)}
    check_node_type(CSPNet, inputs, config=config, shapes={"images": IMAGES}, mode=mode)


def test_stages_after_the_last_level_are_not_built():
    model = build(out_features=("c3", "c2"))
    assert [name for name, _ in model.named_children()] == ["stem", "c2", "c3"]
    assert list(run(model.eval())) == ["c2", "c3"]


def test_frozen_levels_have_no_gradients_and_keep_their_statistics():
    model = build(norm="BN", freeze_at=2)
    trainable = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {"c3", "c4", "c5"}
    assert isinstance(model.c2.in_conv.norm, FrozenBatchNorm2d)
    assert not isinstance(model.c3.in_conv.norm, FrozenBatchNorm2d)


def test_all_weights_get_gradients():
    model = build(norm="BN", freeze_at=0)
    sum(map_.square().mean() for map_ in run(model).values()).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_features": ()}, "names no level: take some of c2, c3, c4, c5"),
        ({"stem_channels": 5}, "stem_channels must be even, not 5"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
