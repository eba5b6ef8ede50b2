import subprocess
import sys

import pytest
import timm
import torch

from composer.layers import FrozenBatchNorm2d
from composer.structures import ImageList, TensorShape
from composer_timm.backbone import TimmBackbone

IMAGES = TensorShape(channels=3, stride=1)


def build(name="resnet10t", **options):
    return TimmBackbone(images_shape=IMAGES, name=name, **options)


def images_of(height=64, width=96, num_images=2, channels=3):
    tensor = torch.rand(num_images, channels, height, width)
    return ImageList(tensor, [(height, width)] * num_images)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet10t", {}),
        ("convnext_atto", {}),
        ("mobilenetv3_small_050", {}),
        ("swin_tiny_patch4_window7_224", {"img_size": [64, 96], "window_size": 2}),
    ],
)
@torch.no_grad()
def test_levels_have_the_shapes_that_are_announced_without_memory(name, options):
    with torch.device("meta"):
        backbone = build(name, options=options)
        features = backbone(images_of())
    assert list(features) == list(backbone.output_shape) == ["c2", "c3", "c4", "c5"]
    for level, shape in backbone.output_shape.items():
        assert features[level].shape == (2, shape.channels, 64 // shape.stride, 96 // shape.stride)


@pytest.mark.parametrize("name", ["resnet10t", "convnext_atto", "vit_tiny_patch16_224"])
def test_weights_have_the_names_of_timms_checkpoints(name):
    levels = ("c4",) if name.startswith("vit") else ("c2", "c5")
    names = set(build(name, out_features=levels).state_dict())
    with torch.device("meta"):
        assert names <= set(timm.create_model(name, pretrained=False).state_dict())


@torch.no_grad()
def test_features_are_those_of_the_network():
    network = timm.create_model("convnext_atto", pretrained=False).eval()
    backbone = build("convnext_atto", out_features=("c2", "c3")).eval()
    backbone.load_state_dict(network.state_dict(), strict=False)
    images = images_of()
    expected = network.stages[1](network.stages[0](network.stem(images.tensor)))
    torch.testing.assert_close(backbone(images)["c3"], expected)
    assert not [name for name in backbone.state_dict() if name.startswith("stages.2")]


def test_batch_normalisations_are_frozen_unless_they_are_to_learn():
    assert isinstance(build().network.bn1, FrozenBatchNorm2d)
    assert not isinstance(build(norm="").network.bn1, FrozenBatchNorm2d)


def test_images_may_have_any_number_of_channels():
    backbone = TimmBackbone(images_shape=TensorShape(channels=4), name="resnet10t").eval()
    assert backbone(images_of(channels=4))["c2"].shape == (2, 64, 16, 24)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resnet10x"}, "no network 'resnet10x'. Did you mean 'resnet10t'"),
        ({"name": "?"}, "no network '[?]'. timm.list_models"),
        ({"out_features": ("c2", "c7")}, "resnet10t has no level c7, only c1, c2, c3, c4, c5"),
        ({"out_features": ()}, "none is named"),
        ({"options": {"pretrained": True}}, "'pretrained' would fetch weights"),
    ],
)
def test_what_does_not_exist_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_without_timm_the_node_type_says_how_to_get_it_and_others_work():
    program = (
        "import sys\n"
        "sys.modules['timm'] = None\n"
        "from composer.errors import PluginError\n"
        "from composer.registry import Registry\n"
        "registry = Registry.installed()\n"
        "assert 'timm_backbone' in registry.names()\n"
        "assert registry.load('fpn')\n"
        "try:\n"
        "    registry.load('timm_backbone')\n"
        "except PluginError as error:\n"
        "    print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "'timm_backbone' of composer-timm" in result.stdout
    assert "pip install 'detection-composer[timm]'" in result.stdout
