"""Our graphs of transformers' detectors compute what transformers computes."""

from functools import cache

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer.executor import seeded_generator
from composer_transformers.key_mapping import TransformersMapping
from transformers_models import CONFIGS, build_ours, build_theirs, make_labels, make_records

pytestmark = pytest.mark.slow
KINDS = list(CONFIGS)
SEED = 7


@cache
def models(kind):
    torch.manual_seed(1)
    theirs = build_theirs(kind, dropout=0.0) if kind != "yolos" else build_theirs(kind)
    return theirs, build_ours(kind, theirs, **({} if kind == "yolos" else {"dropout": 0.0}))


def process(graph, records):
    """The images of records as transformers' image processor prepares them."""
    processor = graph.module("preprocess").processor
    return processor(images=[record["image"] for record in records], return_tensors="pt")


def seed_of(path):
    """The number with which a node that draws seeds the global generator."""
    generator = seeded_generator(torch.device("cpu"), SEED, path)
    return int(torch.randint(2**62, (), generator=generator))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_predictions_and_detections_are_theirs(kind):
    theirs, graph = models(kind)
    theirs.eval()
    graph.eval()
    records = make_records()
    images = process(graph, records)
    expected = theirs(**images)
    names = ["predictions.logits", "predictions.boxes"]
    logits, boxes = graph.run(records, until=names).values()
    torch.testing.assert_close(logits[-1], expected.logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(boxes[-1], expected.pred_boxes, atol=1e-5, rtol=0)
    sizes = [(record["height"], record["width"]) for record in records]
    processor = graph.module("preprocess").processor
    detected = processor.post_process_object_detection(expected, threshold=0.0, target_sizes=sizes)
    for one, output, size in zip(detected, graph(records), sizes, strict=True):
        instances = output["instances"]
        order = one["scores"].argsort(descending=True, stable=True)
        assert instances.image_size == size
        torch.testing.assert_close(instances.scores, one["scores"][order])
        torch.testing.assert_close(instances.pred_boxes.tensor, one["boxes"][order])
        assert instances.pred_classes.tolist() == one["labels"][order].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_losses_and_gradients_are_theirs(kind):
    theirs, graph = models(kind)
    theirs.train()
    graph.train()
    theirs.zero_grad()
    graph.zero_grad()
    records = make_records()
    images = process(graph, records)
    torch.manual_seed(seed_of("queries"))
    expected = theirs(**images, labels=make_labels(records)).loss
    total = sum(graph.run(records, seed=SEED).values())
    torch.testing.assert_close(total, expected, atol=1e-5, rtol=1e-5)
    expected.backward()
    total.backward()
    wanted = TransformersMapping().rename(
        {name: one.grad for name, one in theirs.named_parameters() if one.grad is not None}
    )
    found = {name: one.grad for name, one in graph.named_parameters() if one.grad is not None}
    assert sorted(found) == sorted(wanted)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-4)
