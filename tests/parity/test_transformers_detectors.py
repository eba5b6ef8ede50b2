"""Our graphs of transformers' detectors compute what transformers computes."""

from functools import cache

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer.executor import seeded_generator
from composer_transformers.key_mapping import TransformersMapping
from transformers_models import CONFIGS, build_ours, build_theirs, make_labels, make_records

pytestmark = pytest.mark.slow
SEED = 7
TIMM = {
    "backbone": "test_resnet",  # timm's own small network for tests
    "use_pretrained_backbone": True,  # which is not heeded: nothing is fetched
    "backbone_kwargs": {"in_chans": 3, "out_indices": [1, 2, 3, 4]},
}

VARIANTS = {
    **{kind: (kind, {}) for kind in CONFIGS},
    "deformable_detr, refined": ("deformable_detr", {"with_box_refine": True}),
    "deformable_detr, two stages": (
        "deformable_detr",
        {"with_box_refine": True, "two_stage": True, "two_stage_num_proposals": 6},
    ),
    "detr, learned positions": ("detr", {"position_embedding_type": "learned"}),
    "detr, of timm": ("detr", {"backbone_config": None, "use_timm_backbone": True, **TIMM}),
    "detr, last layer": ("detr", {"auxiliary_loss": False}),
    "rt_detr, last layer": ("rt_detr", {"auxiliary_loss": False, "num_denoising": 0}),
    "rt_detr, more levels": ("rt_detr", {"num_feature_levels": 4}),
}
NO_DROPOUT = {"dropout": 0.0, "hidden_dropout_prob": 0.0}


@cache
def models(variant):
    torch.manual_seed(1)
    kind, changes = VARIANTS[variant]
    changes = {**NO_DROPOUT, **changes}
    theirs = build_theirs(kind, **changes)
    return theirs, build_ours(kind, theirs, **changes)


def process(graph, records):
    """The images of records as transformers' image processor prepares them."""
    processor = graph.module("preprocess").processor
    return processor(images=[record["image"] for record in records], return_tensors="pt")


def seed_of(path):
    """The number with which a node that draws seeds the global generator."""
    generator = seeded_generator(torch.device("cpu"), SEED, path)
    return int(torch.randint(2**62, (), generator=generator))


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_predictions_and_detections_are_theirs(variant):
    theirs, graph = models(variant)
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


@pytest.mark.parametrize("variant", VARIANTS)
def test_losses_and_gradients_are_theirs(variant):
    theirs, graph = models(variant)
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
    named = graph.named_parameters(remove_duplicate=False)  # some have several places
    found = {name: one.grad for name, one in named if one.grad is not None}
    assert sorted(found) == sorted(wanted)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-4)
