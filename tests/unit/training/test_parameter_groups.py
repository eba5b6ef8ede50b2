"""Which parameters are treated how."""

import pytest
import torch
from torch import Tensor, nn

from composer import Graph
from composer.errors import NameResolutionError
from composer.layers import ChannelLayerNorm, NormConv2d
from composer.training.parameter_groups import group_parameters, trainable_parameters
from composer.training.settings import OptimizerSettings


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.ModuleDict({"conv": nn.Conv2d(3, 2, 1), "norm": nn.BatchNorm2d(2)})
        self.head = nn.Linear(2, 2)


def treatments(model, **settings):
    """(learning rate, weight decay) by the name of the parameter."""
    chosen = OptimizerSettings.model_validate({"lr": 1.0, "weight_decay": 0.5, **settings})
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {
        names[parameter]: (group["lr"], group["weight_decay"])
        for group in group_parameters(model, chosen)
        for parameter in group["params"]
    }


def test_norms_do_not_decay():
    found = treatments(Model())
    assert found["backbone.norm.weight"] == found["backbone.norm.bias"] == (1.0, 0.0)
    assert found["backbone.conv.weight"] == found["head.bias"] == (1.0, 0.5)


class RmsNorm2d(nn.Module):
    """A norm that shares no class with those of torch, as other libraries have."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))


@pytest.mark.parametrize(
    "norm", [ChannelLayerNorm(2), nn.RMSNorm(2), nn.GroupNorm(1, 2), RmsNorm2d()]
)
def test_norms_of_all_kinds_are_norms(norm):
    found = treatments(nn.Sequential(norm), bias_lr_factor=2.0)
    assert set(found.values()) == {(1.0, 0.0)}


def test_a_convolution_with_a_norm_is_none():
    found = treatments(NormConv2d(3, 2, 1, norm="LN", bias=True), bias_lr_factor=2.0)
    assert found == {
        "weight": (1.0, 0.5),
        "bias": (2.0, 0.5),
        "norm.weight": (1.0, 0.0),
        "norm.bias": (1.0, 0.0),
    }


def test_biases_have_rates_of_their_own():
    found = treatments(Model(), bias_lr_factor=2.0, bias_weight_decay=0.0)
    assert found["head.bias"] == (2.0, 0.0)
    assert found["head.weight"] == (1.0, 0.5)
    assert found["backbone.norm.bias"] == (1.0, 0.0)


def test_a_group_is_named_by_a_node():
    found = treatments(Model(), groups=[{"nodes": ["backbone"], "lr_factor": 0.1}])
    assert found["backbone.conv.weight"] == (0.1, 0.5)
    assert found["backbone.norm.weight"] == (0.1, 0.0)
    assert found["head.weight"] == (1.0, 0.5)


@pytest.mark.parametrize("pattern", ["backbone.conv.weight", "conv.weight", "backbone.*.weight"])
def test_a_group_is_named_by_parameters_and_patterns(pattern):
    found = treatments(Model(), groups=[{"nodes": [pattern], "weight_decay": 0.25}])
    assert found["backbone.conv.weight"] == (1.0, 0.25)
    assert found["head.weight"] == (1.0, 0.5)


def test_the_last_factor_and_the_last_decay_count():
    groups = [
        {"nodes": ["backbone"], "lr_factor": 0.1, "weight_decay": 0.3},
        {"nodes": ["conv"], "lr_factor": 1.0},
        {"nodes": ["backbone.conv"], "weight_decay": 0.2},
    ]
    found = treatments(Model(), groups=groups, bias_lr_factor=2.0)
    assert found["backbone.conv.bias"] == (2.0, 0.2)
    assert found["backbone.conv.weight"] == (1.0, 0.2)


def test_a_part_of_a_name_is_no_node():
    with pytest.raises(NameResolutionError, match="'back' matches nothing"):
        treatments(Model(), groups=[{"nodes": ["back"]}])


def test_an_unknown_node_gets_the_closest_name():
    with pytest.raises(NameResolutionError, match=r"Did you mean 'backbone\.conv'"):
        treatments(Model(), groups=[{"nodes": ["backbone.cnv"]}])


def test_frozen_parameters_are_left_out():
    model = Model()
    model.get_submodule("backbone").requires_grad_(False)
    assert treatments(model).keys() == {"head.weight", "head.bias"}
    model.requires_grad_(False)
    with pytest.raises(NameResolutionError, match="nothing is trainable"):
        treatments(model)


def test_a_shared_parameter_counts_once():
    model = Model()
    model.twin = model.head
    assert len(trainable_parameters(model)) == 6


class Layers(nn.Module):
    """Three layers, the last of which is next to the output."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))

    def layer_depth(self, name):
        return 2 - int(name.split(".")[1])

    def forward(self, x: Tensor) -> Tensor:
        return x


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return x


def layered_graph():
    spec = {
        "composer": 1,
        "inputs": {"x": "any"},
        "nodes": {
            "net": {"uses": "layers", "inputs": {"x": "x"}, "namespace": "backbone.net"},
            "head": {"uses": "plain", "inputs": {"x": "net"}},
        },
        "outputs": {"y": "head"},
    }
    return Graph.from_spec(spec, nodes={"layers": Layers, "plain": Plain})


def test_layers_further_from_the_output_learn_slower():
    groups = [{"nodes": ["*"], "lr_decay": 0.5}, {"nodes": ["net"], "lr_factor": 0.1}]
    found = treatments(layered_graph(), groups=groups, bias_lr_factor=2.0)
    for index, rate in enumerate([0.025, 0.05, 0.1]):
        assert found[f"backbone.net.layers.{index}.weight"] == pytest.approx((rate, 0.5))
        assert found[f"backbone.net.layers.{index}.bias"] == pytest.approx((2 * rate, 0.5))
    assert found["head.linear.weight"] == (1.0, 0.5)


def test_a_decay_where_no_node_says_how_deep_its_layers_are_is_refused():
    with pytest.raises(NameResolutionError, match=r"no effect on 'head': .*It is known of net\."):
        treatments(layered_graph(), groups=[{"nodes": ["head"], "lr_decay": 0.5}])
    with pytest.raises(NameResolutionError, match=r"no effect on 'backbone'"):
        treatments(Model(), groups=[{"nodes": ["backbone"], "lr_decay": 0.5}])
