"""How deep the layers of vision transformers are, for layer-wise decay of the learning rate."""

import pytest

from composer.structures import TensorShape
from composer_resnet.resnet import ResNet
from composer_vit.mvit.mvit_backbone import MViTBackbone
from composer_vit.swin.swin_backbone import SwinBackbone
from composer_vit.vit.vit_backbone import ViTBackbone

IMAGES = TensorShape(channels=3, stride=1)


def depths(module):
    return {name: module.layer_depth(name) for name, _ in module.named_parameters()}


def test_depths_of_a_plain_transformer_are_those_of_detectron2():
    """detectron2's rate is decay ** (num_layers + 1 - layer), its layer that of this table."""
    net = ViTBackbone(
        images_shape=IMAGES,
        img_size=32,
        embed_dim=8,
        num_heads=2,
        depth=12,
        use_rel_pos=True,
        residual_block_indexes=(11,),
    )
    for name, depth in depths(net).items():
        layer = 13
        if name.startswith(("pos_embed", "patch_embed")):
            layer = 0
        elif name.startswith("blocks.") and ".residual." not in name:
            layer = int(name.split(".")[1]) + 1
        assert depth == 13 - layer, name


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (
            SwinBackbone(images_shape=IMAGES, embed_dim=8, depths=(1, 2), num_heads=(1, 1),
                         window_size=3, ape=True, out_features=("p0", "p1")),
            {
                "patch_embed.proj.bias": 4,
                "absolute_pos_embed": 4,
                "layers.0.blocks.0.mlp.fc1.bias": 3,
                "layers.0.downsample.norm.bias": 2,
                "layers.1.blocks.0.mlp.fc1.bias": 2,
                "layers.1.blocks.1.mlp.fc1.bias": 1,
                "norm0.bias": 0,
            },
        ),
        (
            MViTBackbone(images_shape=IMAGES, embed_dim=8, depth=4, last_block_indexes=(0, 1, 2, 3),
                         use_abs_pos=True),
            {
                "patch_embed.proj.bias": 5,
                "pos_embed": 5,
                "blocks.0.mlp.fc1.bias": 4,
                "blocks.3.mlp.fc1.bias": 1,
                "scale2_norm.bias": 0,
            },
        ),
        (
            ResNet(images_shape=IMAGES, depth=18, stem_out_channels=4, res2_out_channels=4,
                   out_features=("res4",), norm="BN"),
            {"stem.conv1.weight": 4, "res2.0.conv1.weight": 3, "res4.1.conv2.weight": 1},
        ),
    ],
    ids=["swin", "mvit", "resnet"],
)  # fmt: skip
def test_layers_are_counted_from_the_output(module, expected):
    found = depths(module)
    assert {name: found[name] for name in expected} == expected
    assert min(found.values()) >= 0
