"""Options of ViT and MViTv2 that no golden case has, against other implementations of them."""

import pytest
import torch

from composer.structures import ImageList, TensorShape
from composer_vit.mvit.mvit_backbone import MViTBackbone
from composer_vit.vit.vit_backbone import ViTBackbone

pytestmark = pytest.mark.slow
IMAGES = TensorShape(channels=3, stride=1)
VIT_NAMES = {
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.projection": "patch_embed.proj",
    "encoder.layer.": "blocks.",
    ".attention.": ".attn.",
}
DEPTHS = (1, 2, 3, 1)  # blocks of the stages of an MViT


def randomise(theirs):
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return theirs.eval()


@pytest.mark.parametrize("has_positions", [True, False])
@pytest.mark.parametrize("residuals", [(), (1, 3)])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96)])
@torch.no_grad()
def test_a_vit_computes_what_transformers_does(has_positions, residuals, height, width):
    transformers = pytest.importorskip("transformers", reason="an extra")
    torch.manual_seed(0)
    config = transformers.VitDetConfig(
        image_size=64,
        pretrain_image_size=48,
        patch_size=8,
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=3,
        qkv_bias=has_positions,
        use_relative_position_embeddings=has_positions,
        window_size=3,
        window_block_indices=[0, 2],
        residual_block_indices=list(residuals),
        out_features=["stage4"],
    )
    theirs = randomise(transformers.VitDetBackbone(config))
    ours = ViTBackbone(
        images_shape=IMAGES,
        img_size=64,
        pretrain_img_size=48,
        patch_size=8,
        embed_dim=32,
        depth=4,
        num_heads=2,
        mlp_ratio=3.0,
        qkv_bias=has_positions,
        use_rel_pos=has_positions,
        window_size=3,
        window_block_indexes=(0, 2),
        residual_block_indexes=residuals,
    ).eval()
    ours.load_state_dict({_rename(name): value for name, value in theirs.state_dict().items()})
    images = torch.randn(2, 3, height, width)
    (expected,) = theirs(images).feature_maps
    (found,) = ours(ImageList(images, [(height, width)] * 2)).values()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def _rename(name):
    for theirs, ours in VIT_NAMES.items():
        name = name.replace(theirs, ours)
    return name


@torch.no_grad()
def test_an_mvit_computes_what_timm_does():
    mvitv2 = pytest.importorskip("timm.models.mvitv2", reason="an extra")
    torch.manual_seed(0)
    config = mvitv2.MultiScaleVitCfg(
        depths=DEPTHS,
        embed_dim=(16, 32, 64, 128),
        num_heads=(1, 2, 4, 8),
        mlp_ratio=3.0,
        use_cls_token=False,
    )
    theirs = randomise(mvitv2.MultiScaleVit(config, img_size=(64, 64), num_classes=0))
    # detectron2's last blocks of the second and third stage pool keys and values once more.
    for stage in (1, 2):
        attention = theirs.stages[stage].blocks[-1].attn
        for pool in (attention.pool_k, attention.pool_v):
            pool.stride = tuple(2 * side for side in pool.stride)
    ours = MViTBackbone(
        images_shape=IMAGES,
        img_size=64,
        embed_dim=16,
        depth=sum(DEPTHS),
        last_block_indexes=(0, 2, 5, 6),
        mlp_ratio=3.0,
        adaptive_window_size=0,
        out_features=("scale5",),
    ).eval()
    ours.load_state_dict(_number_blocks(theirs.state_dict()))
    images = torch.randn(2, 3, 64, 64)
    found = ours(ImageList(images, [(64, 64)] * 2))["scale5"]
    expected = theirs.forward_features(images).transpose(1, 2).reshape(found.shape)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def _number_blocks(state):
    """The weights of timm with the blocks numbered through all stages."""
    places = [(stage, block) for stage, depth in enumerate(DEPTHS) for block in range(depth)]
    renamed = {}
    for name, value in state.items():
        for number, (stage, block) in enumerate(places):
            prefix = f"stages.{stage}.blocks.{block}."
            if name.startswith(prefix):
                name = f"blocks.{number}.{name.removeprefix(prefix)}"
        name = name.replace("shortcut_proj_attn", "proj")
        renamed[f"scale5_{name}" if name.startswith("norm.") else name] = value
    return renamed
