import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer import Graph
from composer.structures import ImageList, TensorShape
from composer_transformers.backbone import TransformersBackbone

pytestmark = pytest.mark.slow
IMAGES = TensorShape(channels=3, stride=1)
STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
PLAIN = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
WINDOWS = {"embed_dim": 8, "depths": [1] * 4, "num_heads": [1, 2, 2, 2], "window_size": 4}
SMALL = {
    "convnext": STAGES,
    "swin": WINDOWS,
    "swinv2": {**WINDOWS, "image_size": 64},
    "maskformer-swin": WINDOWS,
    "resnet": {**STAGES, "layer_type": "basic", "embedding_size": 8},
    "dinov2": {**PLAIN, "mlp_ratio": 2},
    "dinov3_vit": {**PLAIN, "intermediate_size": 16},
}


def build(kind, **options):
    return TransformersBackbone(
        images_shape=IMAGES, model_type=kind, config=SMALL.get(kind), **options
    ).eval()


def images_of(height=64, width=96):
    return ImageList(torch.rand(2, 3, height, width), [(height, width)] * 2)


@pytest.mark.parametrize("kind", ["convnext", "swin", "resnet"])
@torch.no_grad()
def test_levels_of_a_network_of_stages_are_named_by_their_strides(kind):
    backbone = build(kind)
    features = backbone(images_of())
    assert list(features) == list(backbone.output_shape) == ["c2", "c3", "c4", "c5"]
    for level, shape in backbone.output_shape.items():
        assert features[level].shape == (2, shape.channels, 64 // shape.stride, 96 // shape.stride)


@pytest.mark.parametrize(("kind", "stride"), [("dinov2", 14), ("dinov3_vit", 16)])
@torch.no_grad()
def test_a_plain_vision_transformer_gives_its_last_map(kind, stride):
    backbone = build(kind)
    assert backbone.output_shape == {"last_feat": TensorShape(channels=16, stride=stride)}
    features = backbone(images_of(stride * 4, stride * 6))
    assert features["last_feat"].shape == (2, 16, 4, 6)
    both = build(kind, out_features=("stage2", "last_feat"))
    assert list(both(images_of(stride * 4, stride * 6))) == ["stage2", "last_feat"]


@torch.no_grad()
def test_a_plain_vision_transformer_may_have_another_stride_than_its_patches():
    given, images = build("dinov2", stride=16), images_of(64, 90)
    assert given.output_shape == {"last_feat": TensorShape(channels=16, stride=16)}
    own = build("dinov2")
    own.load_state_dict(given.state_dict())
    padded = torch.nn.functional.pad(images.tensor, (0, 6))
    resized = torch.nn.functional.interpolate(padded, size=(56, 84), mode="bilinear")
    expected = own(ImageList(resized, [(56, 84)] * 2))["last_feat"]
    assert expected.shape == (2, 16, 4, 6)
    assert torch.equal(given(images)["last_feat"], expected)


@torch.no_grad()
def test_the_stride_of_the_patches_changes_nothing():
    given, own, images = build("dinov2", stride=14), build("dinov2"), images_of(60, 90)
    own.load_state_dict(given.state_dict())
    assert torch.equal(given(images)["last_feat"], own(images)["last_feat"])


def test_a_dinov2_serves_a_pyramid():
    bottom_up = {"uses": "transformers_backbone", "with": {"model_type": "dinov2", "stride": 16}}
    bottom_up["with"]["config"] = SMALL["dinov2"]
    fpn = {"uses": "simple_feature_pyramid", "inputs": {"features": "bottom_up"}}
    nodes = {"backbone": {"nodes": {"bottom_up": bottom_up, "fpn": fpn}}}
    spec = {"composer": 1, "extends": "mask_rcnn_r50_fpn", "nodes": nodes}
    graph = Graph.from_spec(spec, fc_dim=8, mask_conv_dim=8)
    features = graph.run([{"image": torch.rand(3, 64, 96) * 255}], until="backbone")
    assert {name: tuple(one.shape[-2:]) for name, one in features.items()} == {
        "p2": (16, 24), "p3": (8, 12), "p4": (4, 6), "p5": (2, 3), "p6": (1, 2),
    }  # fmt: skip


@torch.no_grad()
def test_features_and_names_of_weights_are_those_of_transformers():
    from transformers import ConvNextBackbone, ConvNextConfig

    stages = ["stage2", "stage4"]
    theirs = ConvNextBackbone(ConvNextConfig(**STAGES, out_features=stages)).eval()
    ours = build("convnext", out_features=("c3", "c5"))
    ours.load_state_dict(theirs.state_dict())
    images = images_of()
    expected = theirs(images.tensor).feature_maps
    for found, wanted in zip(ours(images).values(), expected, strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "convnxt"}, "transformers has no backbone 'convnxt'. Did you mean 'convnext'"),
        ({"kind": "convnext", "out_features": ("c2", "p6")}, "no level p6, only c2, c3, c4, c5"),
        ({"kind": "timm_backbone"}, "networks of timm have a node type of their own: uses: timm_"),
        ({"kind": "convnext", "out_features": ()}, "none is named"),
        ({"kind": "convnext", "stride": 16}, "stride: convnext has levels of several strides: c2"),
    ],
)
def test_unknown_networks_and_levels_are_described(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


CLASSIFIERS = {
    "convnext": "ConvNextForImageClassification",
    "resnet": "ResNetForImageClassification",
    "swin": "SwinForImageClassification",
    "dinov2": "Dinov2ForImageClassification",
    "dinov3_vit": "DINOv3ViTModel",
}


def describe_graph(kind):
    """A graph of a backbone alone."""
    options = {"model_type": kind, "config": SMALL[kind]}
    return {
        "composer": 1,
        "name": "backbone",
        "inputs": {"batch": {"type": "ImageBatch", "image": {"channel_order": "RGB"}}},
        "nodes": {
            "preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}},
            "net": {
                "uses": "transformers_backbone",
                "inputs": {"images": "preprocess.images"},
                "with": options,
            },
        },
        "outputs": {"training": {"maps": "net"}, "inference": {"maps": "net"}},
    }


@pytest.mark.parametrize("kind", CLASSIFIERS)
@torch.no_grad()
def test_weights_of_classifiers_are_those_of_backbones(kind, tmp_path):
    import transformers

    network = getattr(transformers, CLASSIFIERS[kind])
    theirs = network(network.config_class(**SMALL[kind]))
    for parameter in theirs.parameters():
        parameter.add_(torch.randn_like(parameter))
    theirs.save_pretrained(tmp_path)
    spec = describe_graph(kind)
    graph = Graph.from_spec(spec, weights={"net": tmp_path / "model.safetensors"})
    assert graph.random_nodes == []
    state = theirs.state_dict()
    for name, tensor in graph.module("net").state_dict().items():
        if name.startswith("hidden_states_norms."):  # which classifiers have not
            assert torch.equal(tensor, torch.full_like(tensor, float(name.endswith("weight"))))
            continue
        places = [key for key in state if key == name or key.endswith(f".{name}")]
        places = places or [key for key in state if name.endswith(f".{key}")]
        assert any(torch.equal(state[key], tensor) for key in places), name


@pytest.mark.parametrize("kind", ["swin", "swinv2", "maskformer-swin", "dinov2"])
@torch.no_grad()
def test_files_of_backbones_are_read(kind, tmp_path):
    import transformers

    spec = describe_graph(kind)
    graph = Graph.from_spec(spec)
    config = graph.module("net").network.config
    theirs = transformers.AutoBackbone.from_config(config)
    for parameter in theirs.parameters():
        parameter.add_(torch.randn_like(parameter))
    theirs.save_pretrained(tmp_path)
    graph = Graph.from_spec(spec, weights={"net": tmp_path / "model.safetensors"})
    state, expected = graph.module("net").state_dict(), theirs.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in state)
