"""Statistics of batch normalizations over many batches."""

from itertools import islice

import pytest
import torch
from torch import nn

from composer.errors import TrainingError
from composer.training import ProcessGroup, Validation
from composer.training.precise_norms import find_training_norms, recompute_norms
from unit.training.small_training import RowBatches, make_graph, make_trainer, weights_of

ALONE = ProcessGroup(torch.device("cpu"))


@pytest.fixture
def graph():
    return make_graph().train()


def recompute(graph, num_batches, **options):
    recompute_norms(graph, islice(RowBatches(), num_batches), seed=0, processes=ALONE, **options)


def inputs_of_norm(graph, num_batches):
    """What the norm is given in some batches, as one batch."""
    body = graph.module("body")
    batches = list(islice(RowBatches(), num_batches))
    rows = torch.stack([record["row"] for batch in batches for record in batch])
    return body.linear(graph.module("source")(rows)).detach()


def test_statistics_are_those_of_all_values(graph):
    recompute(graph, 7)
    expected = inputs_of_norm(graph, 7)
    norm = graph.module("body").norm
    torch.testing.assert_close(norm.running_mean, expected.mean(0))
    torch.testing.assert_close(norm.running_var, expected.var(0, correction=0))


def test_nothing_else_changes(graph):
    body = graph.module("body")
    before = {name: tensor.clone() for name, tensor in graph.state_dict().items()}
    average = body.average.clone()
    recompute(graph, 3)
    changed = {n for n, tensor in graph.state_dict().items() if not torch.equal(tensor, before[n])}
    assert changed == {"body.norm.running_mean", "body.norm.running_var"}
    assert torch.equal(body.average, average)
    assert graph.training
    assert not body.norm._forward_pre_hooks


def test_batches_count_by_their_number_of_values(graph):
    uneven = [next(iter(RowBatches())), next(iter(RowBatches()))[:2]]
    recompute_norms(graph, uneven, seed=0, processes=ALONE)
    rows = torch.stack([record["row"] for batch in uneven for record in batch])
    expected = graph.module("body").linear(graph.module("source")(rows)).mean(0)
    torch.testing.assert_close(graph.module("body").norm.running_mean, expected.detach())


def test_norms_in_inference_keep_their_statistics(graph):
    norm = graph.module("body").norm.eval()
    assert not find_training_norms(graph)
    recompute(graph, 3)
    assert torch.equal(norm.running_mean, torch.zeros(3))


def test_evaluation_sees_the_recomputed_statistics(tmp_path):
    seen = []

    def measure(graph):
        seen.append(graph.module("body").norm.running_mean.clone())
        seen.append(inputs_of_norm(graph, 4).mean(0))
        return {"score": 1.0}

    validation = Validation(every=6, metrics=measure)
    make_trainer(tmp_path, validation=validation, precise_bn=4).run()
    assert len(seen) == 4
    torch.testing.assert_close(seen[0], seen[1])
    torch.testing.assert_close(seen[2], seen[3])


def test_the_weights_that_are_saved_have_them(tmp_path):
    trainer = make_trainer(tmp_path, precise_bn=4)
    trainer.run()
    graph = make_graph()
    graph.load(str(tmp_path / "model.safetensors"))
    norm = graph.module("body").norm
    torch.testing.assert_close(norm.running_mean, inputs_of_norm(graph, 4).mean(0))


def test_gradients_and_batches_are_those_of_a_training_without(tmp_path):
    validation = {"validation": Validation(every=3, metrics=lambda graph: {"score": 1.0})}
    make_trainer(tmp_path / "with", precise_bn=2, **validation).run()
    make_trainer(tmp_path / "without", **validation).run()
    with_, without = (weights_of(tmp_path / n / "model.safetensors") for n in ("with", "without"))
    assert torch.equal(with_["body.linear.weight"], without["body.linear.weight"])


def test_a_model_without_norms_to_recompute_is_refused(tmp_path):
    graph = make_graph()
    graph.module("body").norm = nn.LayerNorm(3)
    with pytest.raises(TrainingError, match="no BatchNorm of the model is trained"):
        make_trainer(tmp_path, graph=graph, precise_bn=2)
