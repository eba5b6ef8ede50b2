"""Our graphs of transformers' models of masks compute what transformers computes."""

from functools import cache

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer import Graph
from composer.executor import seeded_generator
from composer.structures import BitMasks
from composer_transformers.key_mapping import TransformersMapping
from transformers_models import (
    MASK_CONFIGS,
    build_ours,
    build_theirs,
    make_records,
    small_params,
)

pytestmark = pytest.mark.slow
KINDS = list(MASK_CONFIGS)
SEED = 7


@cache
def models(kind):
    torch.manual_seed(1)
    theirs = build_theirs(kind)
    return theirs, build_ours(kind, theirs)


def make_mask_records(task="instance"):
    """Images of which the network needs no other size, so that masks are not resized."""
    records = make_records()
    for record in records:
        record["image"] = record["image"][:, :50, :60].repeat(1, 2, 2)[:, :64, :96]
        height, width = 64, 96
        record |= {"height": height, "width": width}
        masks = torch.zeros(2, height, width, dtype=torch.bool)
        masks[0, 5:40, 6:50] = True
        masks[1, 45:60, 20:90] = True
        classes = torch.tensor([1, 3])
        record["instances"] = record["instances"][:0]
        fields = {"gt_classes": classes, "gt_masks": BitMasks(masks)}
        record["instances"] = type(record["instances"])((height, width), **fields)
        record["sem_seg"] = torch.full((height, width), 255) + 0
        ids = torch.zeros(height, width, dtype=torch.int64)
        for number, (mask, kind) in enumerate(zip(masks, classes.tolist(), strict=True)):
            record["sem_seg"][mask] = kind
            ids[mask] = number + 1
        segments = [
            {"id": n + 1, "category_id": int(c), "isthing": True} for n, c in enumerate(classes)
        ]
        record["panoptic_seg"] = (ids, segments)
    return records


def process(graph, records):
    processor = graph.module("preprocess").processor
    return processor(images=[record["image"] for record in records], return_tensors="pt")


def seed_of(path):
    generator = seeded_generator(torch.device("cpu"), SEED, path)
    return int(torch.randint(2**62, (), generator=generator))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_predictions_and_segments_are_theirs(kind):
    theirs, graph = models(kind)
    theirs.eval()
    graph.eval()
    records = make_mask_records()
    # MaskFormer has auxiliary losses only where it returns all states.
    expected = theirs(**process(graph, records), output_hidden_states=True)
    logits, masks = graph.run(records, until=["predictions", "decoder.masks"]).values()
    torch.testing.assert_close(logits[-1], expected.class_queries_logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(masks[-1], expected.masks_queries_logits, atol=1e-5, rtol=0)
    processor = graph.module("preprocess").processor
    sizes = [(64, 96)] * 2
    semantic = processor.post_process_semantic_segmentation(expected, target_sizes=sizes)
    found = graph.run(records, until="semantics")
    for one, wanted in zip(found, semantic, strict=True):
        assert torch.equal(one.argmax(0), wanted)
    wanted = processor.post_process_panoptic_segmentation(
        expected, threshold=0.0, label_ids_to_fuse={3, 4}, target_sizes=sizes
    )
    other = Graph.from_spec(
        f"transformers/{kind}_panoptic",
        set={"panoptics.score_threshold": 0.0},
        **{**small_params(kind), "num_classes": 3, "sem_seg_num_classes": 2},
    ).eval()
    other.load_state_dict(graph.state_dict())
    for output, one in zip(other(records), wanted, strict=True):
        ids, segments = output["panoptic_seg"]
        assert torch.equal(ids, one["segmentation"].clamp(min=0).int())
        labels = [s["label_id"] for s in one["segments_info"]]
        found = [s["category_id"] + (0 if s["isthing"] else 3) for s in segments]
        assert found == labels
    for output in graph(records):
        instances = output["instances"]
        assert instances.pred_masks.shape[1:] == (64, 96)
        assert (instances.scores.diff() <= 0).all()


@pytest.mark.parametrize("task", ["instance", "semantic", "panoptic"])
@pytest.mark.parametrize("kind", KINDS)
def test_losses_and_gradients_are_theirs(kind, task):
    theirs, graph = models(kind)
    theirs.train()
    graph = Graph.from_spec(
        f"transformers/{kind}", set={"targets.task": task}, **small_params(kind)
    ).train()
    graph.load_state_dict(TransformersMapping().rename(dict(theirs.state_dict())))
    theirs.zero_grad()
    records = make_mask_records()
    images = process(graph, records)
    torch.manual_seed(seed_of("losses"))
    masks = [record["instances"].gt_masks.tensor.float() for record in records]
    classes = [record["instances"].gt_classes for record in records]
    expected = theirs(
        **images, mask_labels=masks, class_labels=classes, output_hidden_states=True
    ).loss
    total = sum(graph.run(records, seed=SEED).values())
    torch.testing.assert_close(total, expected.squeeze(), atol=1e-5, rtol=1e-5)
    expected.sum().backward()
    total.backward()
    wanted = TransformersMapping().rename(
        {name: one.grad for name, one in theirs.named_parameters() if one.grad is not None}
    )
    found = {name: one.grad for name, one in graph.named_parameters() if one.grad is not None}
    assert sorted(found) == sorted(wanted)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-3)
