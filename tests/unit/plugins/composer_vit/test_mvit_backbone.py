import pytest
import torch

from composer.structures import ImageList, TensorShape
from composer.testing import check_node_type
from composer_vit.mvit.block_plans import MViTStyle, plan_blocks
from composer_vit.mvit.mvit_backbone import MViTBackbone
from composer_vit.mvit.mvit_block import MViTBlock
from composer_vit.mvit.pooling_attention import PoolingAttention

IMAGES = TensorShape(channels=3, stride=1)
TINY = {"embed_dim": 8, "depth": 5, "last_block_indexes": (0, 1, 3, 4), "img_size": 64}
LEVELS = ("scale2", "scale3", "scale4", "scale5")


def tiny(**options):
    return MViTBackbone(images_shape=IMAGES, **{**TINY, **options})


def images(height=64, width=96, count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tensor = torch.randn(count, 3, height, width, generator=generator)
    return ImageList(tensor, [(height, width)] * count)


def spread_weights(model):
    """Draws weights of order one, so that all parts take part."""
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.requires_grad_(False)


def plans_of(**options):
    sizes = {"depth": 10, "last_block_indexes": (0, 2, 7, 9), "embed_dim": 96, "num_heads": 1}
    more = {"key_stride": 4, "window_size": 56, "map_size": 56}
    return list(plan_blocks(**{**sizes, **more, **options}))


def test_features_have_the_shapes_that_are_announced():
    model = tiny()
    features = model(images())
    assert list(features) == list(model.output_shape) == list(LEVELS)
    for name, shape in model.output_shape.items():
        assert features[name].shape == (2, shape.channels, 64 // shape.stride, 96 // shape.stride)
    assert [shape.stride for shape in model.output_shape.values()] == [4, 8, 16, 32]
    assert [shape.channels for shape in model.output_shape.values()] == [8, 16, 32, 64]


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_it_is_a_well_behaved_node_type(mode):
    config = {**TINY, "drop_path_rate": 0.3}
    inputs = {"images": images(40, 72)}
    check_node_type(MViTBackbone, inputs, config=config, shapes={"images": IMAGES}, mode=mode)


@pytest.mark.parametrize(("height", "width"), [(33, 70), (4, 4), (1, 200)])
def test_images_of_any_size_have_features(height, width):
    features = tiny().eval()(images(height, width))
    assert features["scale2"].shape[2:] == (-(-height // 4), -(-width // 4))
    assert all(map_.isfinite().all() for map_ in features.values())


def test_an_empty_batch_has_features():
    features = tiny()(images(count=0))
    assert [tuple(map_.shape[:2]) for map_ in features.values()] == [
        (0, 8),
        (0, 16),
        (0, 32),
        (0, 64),
    ]


@pytest.mark.parametrize(
    ("options", "parameters_in_millions"),
    [({}, 23.4), ({"depth": 24, "last_block_indexes": (1, 4, 20, 23)}, 50.5)],
)
def test_networks_have_the_sizes_of_the_paper(options, parameters_in_millions):
    with torch.device("meta"):
        model = MViTBackbone(images_shape=IMAGES, **options)
    count = sum(parameter.numel() for parameter in model.parameters())
    # Classifiers of the paper have 24 and 52 millions, with a head of 0.8 millions.
    assert count / 1e6 == pytest.approx(parameters_in_millions, abs=0.4)


def test_stages_double_channels_and_halve_windows_and_strides():
    plans = plans_of()
    assert [plan.out_channels for plan in plans] == [96, *[192] * 2, *[384] * 5, *[768] * 2]
    assert [plan.num_heads for plan in plans] == [1, *[2] * 2, *[4] * 5, *[8] * 2]
    assert [plan.query_stride for plan in plans] == [1, 2, 1, 2, 1, 1, 1, 1, 2, 1]
    assert [plan.key_stride for plan in plans] == [4, 2, 4, 1, 1, 1, 1, 2, 1, 1]
    assert [plan.window_size for plan in plans] == [56, 56, 0, 28, 14, 14, 14, 0, 14, 0]
    assert [plan.table_length for plan in plans] == [111, 55, 55, 55, 27, 27, 27, 27, 27, 13]


def test_the_last_blocks_of_later_stages_see_the_whole_map():
    options = {"adaptive_window_size": 8, "use_rel_pos": False}
    seen = {}
    for name, depth, ends in (("within", 1, (0,)), ("whole", 3, (0, 2))):
        level = f"scale{1 + len(ends)}"
        model = tiny(depth=depth, last_block_indexes=ends, out_features=(level,), **options)
        model = spread_weights(model).eval()
        image = images(64, 64, count=1)
        changed = ImageList(image.tensor.clone(), image.image_sizes)
        changed.tensor[..., 52:, 52:] += 1
        before, after = model(image)[level], model(changed)[level]
        corner = (before - after)[..., :4, :4].abs().max()
        seen[name] = corner.item() > 1e-6
    assert seen == {"within": False, "whole": True}


def test_a_single_window_is_the_whole_map():
    whole = spread_weights(tiny(adaptive_window_size=0)).eval()
    windowed = tiny(adaptive_window_size=16).requires_grad_(False).eval()
    windowed.load_state_dict(whole.state_dict())
    image = images(64, 64)
    for name, expected in whole(image).items():
        torch.testing.assert_close(windowed(image)[name], expected, rtol=1e-4, atol=1e-5)


def test_residual_pooling_adds_the_pooled_queries():
    (plan,) = plans_of(depth=1, last_block_indexes=(0,), embed_dim=8, window_size=0, map_size=8)
    plain, residual = (
        spread_weights(PoolingAttention(plan, MViTStyle(4.0, True, 3, has, True, 1e-6)))
        for has in (False, True)
    )
    residual.load_state_dict(plain.state_dict())
    x = torch.randn(2, 8, 8, 8)
    queries = plain.qkv(x)[..., :8].permute(0, 3, 1, 2)
    pooled = plain.norm_q(plain.pool_q(queries).permute(0, 2, 3, 1))
    expected = plain(x) + pooled @ plain.proj.weight.T
    torch.testing.assert_close(residual(x), expected, rtol=1e-4, atol=1e-4)


def test_relative_positions_take_part():
    model = spread_weights(tiny()).eval()
    before = model(images())
    for name, parameter in model.named_parameters():
        if name.endswith("rel_pos_h"):
            parameter.zero_()
    after = model(images())
    assert all(not torch.allclose(before[name], after[name]) for name in LEVELS)


def test_tables_fit_images_of_other_sizes():
    small, large = tiny(), tiny(img_size=128)
    assert len(small.blocks[0].attn.rel_pos_h) == 31
    assert len(large.blocks[0].attn.rel_pos_h) == 63
    assert large(images(64, 64))["scale5"].shape == small(images(64, 64))["scale5"].shape


def test_absolute_positions_are_added_and_fit_any_size():
    model = tiny(use_abs_pos=True, pretrain_img_size=32)
    assert model.pos_embed.shape == (1, 8 * 8 + 1, 8)
    before = model(images())["scale2"]
    with torch.no_grad():
        model.pos_embed.mul_(50)
    assert not torch.allclose(model(images())["scale2"], before)


def test_levels_that_are_not_asked_for_are_not_built():
    model = tiny(out_features=("scale4", "scale2"))
    assert list(model(images())) == ["scale2", "scale4"]
    assert len(model.blocks) == 4
    assert not hasattr(model, "scale3_norm")


def test_images_are_dropped_in_training_with_the_generator_only():
    model = tiny(drop_path_rate=0.9)
    assert [block.drop_path.rate for block in model.blocks] == pytest.approx(
        [0, 0.225, 0.45, 0.675, 0.9]
    )
    spread_weights(model)

    def run(seed=None):
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return model(images(), generator)["scale5"]

    model.train()
    assert torch.equal(run(1), run(1))
    assert any(not torch.equal(run(seed), run()) for seed in range(4))
    model.eval()
    assert torch.equal(run(1), run())


def test_all_weights_get_gradients():
    model = tiny(rel_pos_zero_init=False, use_abs_pos=True)
    sum((map_ * torch.randn_like(map_)).sum() for map_ in model(images()).values()).backward()
    # Positions of a class token belong to no cell.
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_blocks_do_not_change_their_input():
    plans = plans_of(embed_dim=8, window_size=8, map_size=16)
    style = MViTStyle(4.0, True, 3, True, True, 1e-6)
    x = torch.randn(1, 16, 16, 8)
    kept = x.clone()
    MViTBlock(plans[1], style, drop_rate=0.0)(x)
    assert torch.equal(x, kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"last_block_indexes": ()}, "must ascend"),
        ({"last_block_indexes": (0, 3, 1)}, "must ascend"),
        ({"last_block_indexes": (0, 9)}, "no block 9, the last one is 4"),
        ({"out_features": ()}, "names no level: take some of scale2"),
        ({"out_features": ("scale9",)}, "no level 'scale9', only scale2, scale3, scale4, scale5"),
        ({"num_heads": 3}, "3 heads do not divide 8 channels"),
        ({"adaptive_window_size": 6}, "window of 6 cells is not divided by the stride 4"),
        ({"img_size": 8}, "img_size is too small"),
        ({"qkv_pool_kernel": 2}, "must be odd"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)
