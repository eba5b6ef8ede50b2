"""Tools of torch that take names from one place and use them in another."""

import copy

import pytest
import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from unit.graph.test_module_tree import FLAT, NESTED, X, build


@pytest.fixture(params=[NESTED, FLAT], ids=["nested", "flat"])
def graph(request):
    return build(request.param)


def test_distributed_checkpoints_read_and_write_the_model(graph):
    for options in (None, StateDictOptions(full_state_dict=True, cpu_offload=True)):
        state = get_model_state_dict(graph, options=options)
        assert state.keys() == graph.state_dict().keys()
        zeros = {key: torch.zeros_like(tensor) for key, tensor in state.items()}
        found = set_model_state_dict(graph, zeros, options=options)
        assert found.missing_keys == found.unexpected_keys == []
        assert not any(tensor.any() for tensor in graph.state_dict().values())


def test_distributed_checkpoints_read_and_write_the_optimizer(graph):
    def step(model, optimizer):
        model.train()(X)["loss"].backward()
        optimizer.step()

    optimizer = torch.optim.SGD(graph.parameters(), lr=0.1, momentum=0.9)
    step(graph, optimizer)
    state = copy.deepcopy(get_optimizer_state_dict(graph, optimizer))
    assert state["state"].keys() == dict(graph.named_parameters()).keys()
    again = copy.deepcopy(graph)
    other = torch.optim.SGD(again.parameters(), lr=0.1, momentum=0.9)
    set_optimizer_state_dict(again, other, state)
    for model, each in ((graph, optimizer), (again, other)):
        each.zero_grad()
        step(model, each)
    for mine, theirs in zip(graph.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_call_takes_the_state_dict_in_place_of_the_weights(graph):
    zeros = {key: torch.zeros_like(tensor) for key, tensor in graph.state_dict().items()}
    found = torch.func.functional_call(graph, zeros, (X,), strict=True)
    assert not found["y"].any()
    assert graph(X)["y"].any()
    named = dict(graph.named_parameters())
    grads = torch.func.grad(
        lambda weights: torch.func.functional_call(graph, weights, (X,))["y"].sum()
    )(named)
    assert grads.keys() == named.keys()


def test_averages_by_name_take_keys_of_the_state_dict(graph):
    average = {key: tensor.clone() for key, tensor in graph.state_dict().items()}
    with torch.no_grad():
        for name, weight in graph.named_parameters():
            average[name].mul_(0.5).add_(weight * 0.5)
    assert all(torch.equal(average[key], tensor) for key, tensor in graph.state_dict().items())
    averaged = AveragedModel(graph, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    averaged.update_parameters(graph)
    assert torch.equal(averaged(X)["y"], graph(X)["y"])


def test_named_parameters_are_loaded_as_a_state_dict(graph):
    ones = {name: torch.ones_like(weight) for name, weight in graph.named_parameters()}
    assert graph.load_state_dict(ones, strict=False).unexpected_keys == []
    assert all(weight.eq(1).all() for weight in graph.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("strict", [True, False])
def test_an_exported_program_has_the_keys_of_the_module(graph, strict):
    part = graph.subgraph(feeds=["source"], until="head")
    exported = torch.export.export(part, (X,), strict=strict)
    assert exported.state_dict.keys() == part.state_dict().keys()
    assert torch.equal(exported.module()(X), part(X))


def test_weights_are_assigned_and_built_without_memory(graph):
    state = graph.state_dict()
    bare = copy.deepcopy(graph).to("meta")
    bare.load_state_dict(state, assign=True)
    assert torch.equal(bare(X)["y"], graph(X)["y"])


@pytest.mark.slow
def test_adapters_of_peft_are_trained_in_their_place():
    peft = pytest.importorskip("peft")
    graph = build()
    before = graph(X)["y"]
    config = peft.LoraConfig(target_modules=["lateral", "linear"], r=2, init_lora_weights=False)
    peft.inject_adapter_in_model(config, graph)
    names = {name for name, weight in graph.named_parameters() if weight.requires_grad}
    assert names == {
        f"backbone.{layer}.lora_{side}.default.weight"
        for layer in ("lateral", "bottom_up.linear")
        for side in "AB"
    }
    assert names < {*graph.state_dict()}
    assert not torch.equal(graph(X)["y"], before)
    saved = copy.deepcopy(peft.get_peft_model_state_dict(graph))
    with torch.no_grad():
        for name, weight in graph.named_parameters():
            if name in names:
                weight.zero_()
    assert torch.allclose(graph(X)["y"], before)
    peft.set_peft_model_state_dict(graph, saved)
    assert not torch.allclose(graph(X)["y"], before)
