import re

import pytest
import torch
import torchvision

from composer.structures import ImageList, TensorShape
from composer.testing import check_node_type
from composer_vit.swin.swin_backbone import SwinBackbone

IMAGES = TensorShape(channels=3, stride=1)
TINY = {"embed_dim": 8, "depths": (2, 2), "num_heads": (1, 2), "window_size": 3}
BOTH = {**TINY, "out_features": ("p0", "p1")}


def build(**options):
    torch.manual_seed(0)
    return SwinBackbone(images_shape=IMAGES, **{**BOTH, **options}).eval()


def images(height=64, width=64, num_images=2):
    return ImageList(torch.rand(num_images, 3, height, width), [(height, width)] * num_images)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (30, 57), (4, 4)])
def test_maps_have_the_shapes_that_are_announced(height, width):
    backbone = build(ape=True)
    features = backbone(images(height, width))
    assert list(features) == list(backbone.output_shape) == ["p0", "p1"]
    for name, shape in backbone.output_shape.items():
        rows, columns = -(-height // shape.stride), -(-width // shape.stride)
        assert features[name].shape == (2, shape.channels, rows, columns)


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_it_is_a_well_behaved_node_type(mode):
    config = {**BOTH, "drop_path_rate": 0.3}
    inputs = {"images": images(40, 72)}
    check_node_type(SwinBackbone, inputs, config=config, shapes={"images": IMAGES}, mode=mode)


def test_stages_after_the_last_one_asked_for_are_not_built():
    backbone = build(out_features=("p0",))
    assert list(backbone.output_shape) == ["p0"]
    assert not [name for name in backbone.state_dict() if name.startswith(("layers.1", "norm1"))]
    assert "layers.0.downsample.norm.weight" not in backbone.state_dict()


@pytest.mark.parametrize(("height", "width"), [(256, 480), (232, 360)])
def test_it_computes_what_torchvision_does(height, width):
    torch.manual_seed(0)
    theirs = torchvision.models.swin_t().eval()
    ours = SwinBackbone(images_shape=IMAGES, drop_path_rate=0.0).eval()
    state = {_rename(name): value for name, value in theirs.state_dict().items()}
    state = {
        name: value.view(49, 49) if name.endswith("index") else value
        for name, value in state.items()
        if not name.startswith("head")
    }
    report = ours.load_state_dict(state, strict=False)
    assert report.missing_keys == [f"norm{n}.{end}" for n in range(3) for end in ("weight", "bias")]
    assert not report.unexpected_keys
    batch = images(height, width, num_images=1)
    with torch.no_grad():
        expected = theirs.norm(theirs.features(batch.tensor)).permute(0, 3, 1, 2)
        found = ours(batch)["p3"]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 * expected.abs().max().item())


def _rename(name):
    """What a weight of torchvision's Swin Transformer is called here."""
    name = re.sub(r"^features\.0\.0", "patch_embed.proj", name)
    name = re.sub(r"^features\.0\.2", "patch_embed.norm", name)
    name = name.replace(".mlp.0.", ".mlp.fc1.").replace(".mlp.3.", ".mlp.fc2.")
    found = re.match(r"features\.(\d)\.(.*)", name)
    if found:
        index, rest = int(found[1]), found[2]
        stage = f"layers.{(index - 1) // 2}"
        return f"{stage}.blocks.{rest}" if index % 2 else f"{stage}.downsample.{rest}"
    return re.sub(r"^norm\.", "norm3.", name)


def test_images_are_dropped_in_training_only_and_by_the_generator():
    backbone, batch = build(drop_path_rate=0.9), images(num_images=8)
    plain = backbone(batch)["p1"]
    backbone.train()
    assert torch.equal(backbone(batch)["p1"], plain)
    first, again, other = (
        backbone(batch, torch.Generator().manual_seed(seed))["p1"] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("freeze_at", "frozen"),
    [
        (0, set()),
        (1, {"patch_embed"}),
        (2, {"patch_embed", "absolute_pos_embed"}),
        (3, {"patch_embed", "absolute_pos_embed", "layers.0"}),
    ],
)
def test_the_first_parts_can_be_frozen(freeze_at, frozen):
    backbone = build(freeze_at=freeze_at, ape=True)
    found = {
        re.match(r"layers\.\d|\w+", name)[0]
        for name, parameter in backbone.named_parameters()
        if not parameter.requires_grad
    }
    assert found == frozen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_features": ()}, "names no stage"),
        ({"out_features": ("p2",)}, "there is no stage p2"),
        ({"num_heads": (1,)}, "depths has 2 stages, but num_heads has 1"),
        ({"num_heads": (1, 3)}, "3 heads do not divide the 16 channels of p1"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
