import pytest
import torch

from composer.structures import ImageList, TensorShape
from composer.testing import check_node_type
from composer_vit.vit.vit_backbone import ViTBackbone

IMAGES = TensorShape(channels=3, stride=1)
TINY = {
    "img_size": 64,
    "patch_size": 8,
    "embed_dim": 16,
    "depth": 3,
    "num_heads": 2,
    "use_rel_pos": True,
    "window_size": 3,
    "window_block_indexes": (0, 2),
}


def build(**options):
    torch.manual_seed(0)
    backbone = ViTBackbone(images_shape=IMAGES, **{**TINY, **options})
    for name, parameter in backbone.named_parameters():
        if "rel_pos" in name:
            torch.nn.init.normal_(parameter)
    return backbone.eval()


def images(height=64, width=64, num_images=2):
    return ImageList(torch.rand(num_images, 3, height, width), [(height, width)] * num_images)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 72), (8, 8)])
def test_the_map_has_the_shape_that_is_announced(height, width):
    backbone = build(residual_block_indexes=(2,))
    features = backbone(images(height, width))
    assert list(features) == list(backbone.output_shape) == ["last_feat"]
    shape = backbone.output_shape["last_feat"]
    assert features["last_feat"].shape == (2, 16, height // shape.stride, width // shape.stride)


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_it_is_a_well_behaved_node_type(mode):
    config = {**TINY, "drop_path_rate": 0.3}
    inputs = {"images": images(40, 72)}
    check_node_type(ViTBackbone, inputs, config=config, shapes={"images": IMAGES}, mode=mode)


@pytest.mark.parametrize(
    ("depth", "embed_dim", "num_heads", "millions"),
    [(12, 768, 12, 85.6), (24, 1024, 16, 303.1), (32, 1280, 16, 630.5)],
)
def test_the_usual_sizes_are_those_of_the_paper(depth, embed_dim, num_heads, millions):
    with torch.device("meta"):
        backbone = ViTBackbone(
            images_shape=IMAGES,
            depth=depth,
            embed_dim=embed_dim,
            num_heads=num_heads,
            use_abs_pos=False,
        )
    count = sum(parameter.numel() for parameter in backbone.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.4)


def test_blocks_with_windows_see_nothing_outside_of_them():
    backbone = build(depth=2, window_size=4, window_block_indexes=(0, 1))
    batch = images(num_images=1)
    before = backbone(batch)["last_feat"]
    batch.tensor[..., 32:, 32:] = 0  # the last window
    after = backbone(batch)["last_feat"]
    changed = (before != after).any(dim=1)[0]
    assert changed[4:, 4:].all()
    assert not changed[:4].any()
    assert not changed[:, :4].any()


def test_a_global_block_sees_everything():
    backbone = build(depth=1, window_block_indexes=())
    batch = images(num_images=1)
    before = backbone(batch)["last_feat"]
    batch.tensor[..., -8:, -8:] = 0
    assert (before != backbone(batch)["last_feat"]).any(dim=1).all()


def test_residual_convolutions_start_as_identities():
    plain, convolved = build(), build(residual_block_indexes=(0, 1, 2))
    plain.load_state_dict(convolved.state_dict(), strict=False)
    batch = images()
    assert torch.equal(plain(batch)["last_feat"], convolved(batch)["last_feat"])


def test_images_are_dropped_in_training_only_and_by_the_generator():
    backbone, batch = build(drop_path_rate=0.9), images(num_images=8)
    plain = backbone(batch)["last_feat"]
    backbone.train()
    assert torch.equal(backbone(batch)["last_feat"], plain)
    first, again, other = (
        backbone(batch, torch.Generator().manual_seed(seed))["last_feat"] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    rates = [block.drop_path.rate for block in backbone.blocks]
    assert rates == pytest.approx([0.0, 0.45, 0.9])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 3}, "3 heads do not divide the 16 channels"),
        ({"window_block_indexes": (0, 3)}, "window_block_indexes: there is no block 3"),
        ({"residual_block_indexes": (7,)}, "residual_block_indexes: there is no block 7"),
        ({"img_size": 60}, "60 is not of 8"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
