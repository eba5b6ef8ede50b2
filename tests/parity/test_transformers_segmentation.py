"""Our graphs of transformers' models of masks compute what transformers computes."""

from functools import cache

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer import Graph
from composer.executor import seeded_generator
from composer_transformers.key_mapping import TransformersMapping
from transformers_models import (
    MASK_CONFIGS,
    build_ours,
    build_theirs,
    make_mask_records,
    small_params,
)

pytestmark = pytest.mark.slow
OF_DETR = ("detr_segmentation", "conditional_detr_segmentation")
KINDS = [kind for kind in MASK_CONFIGS if kind not in OF_DETR]
SEED = 7


@cache
def models(kind):
    torch.manual_seed(1)
    theirs = build_theirs(kind)
    return theirs, build_ours(kind, theirs)


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


def make_detr_labels(records):
    """Segments as transformers expects them; DETR's boxes are those around the masks."""
    labels = []
    for record in records:
        instances = record["instances"]
        height, width = instances.image_size
        x0, y0, x1, y1 = instances.gt_masks.get_bounding_boxes().tensor.unbind(1)
        boxes = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], dim=1)
        labels.append(
            {
                "class_labels": instances.gt_classes,
                "boxes": boxes / torch.tensor([width, height, width, height]),
                "masks": instances.gt_masks.tensor.float(),
            }
        )
    return labels


@pytest.mark.parametrize("kind", OF_DETR)
@torch.no_grad()
def test_segments_of_detr_are_theirs(kind):
    theirs, graph = models(kind)
    theirs.eval()
    graph.eval()
    records = make_mask_records()
    expected = theirs(**process(graph, records))
    names = ["predictions.logits", "predictions.boxes", "masks"]
    logits, boxes, masks = graph.run(records, until=names).values()
    torch.testing.assert_close(logits[-1], expected.logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(boxes[-1], expected.pred_boxes, atol=1e-5, rtol=0)
    torch.testing.assert_close(masks[-1], expected.pred_masks, atol=1e-5, rtol=0)
    processor = graph.module("preprocess").processor
    sizes = [(64, 96)] * 2
    semantic = processor.post_process_semantic_segmentation(expected, target_sizes=sizes)
    if kind.startswith("conditional"):  # whose processor would drop the last class
        expected.logits = torch.nn.functional.pad(expected.logits, (0, 1), value=-torch.inf)
    options = {"threshold": 0.0, "target_sizes": sizes}
    wanted = processor.post_process_instance_segmentation(expected, **options)
    for output, one in zip(graph(records), wanted, strict=True):
        instances, info = output["instances"], one["segments_info"]
        assert sorted(instances.pred_classes.tolist()) == sorted(s["label_id"] for s in info)
        assert torch.equal(instances.pred_masks.any(0), one["segmentation"] > 0)
    for one, wanted in zip(graph.run(records, until="semantics"), semantic, strict=True):
        assert torch.equal(one.argmax(0), wanted)
    fused = processor.post_process_panoptic_segmentation(
        expected, label_ids_to_fuse={3, 4}, **options
    )
    other = Graph.from_spec(
        f"transformers/{kind.replace('segmentation', 'panoptic')}",
        set={"panoptics.score_threshold": 0.0},
        **{**small_params(kind), "num_classes": 3, "sem_seg_num_classes": 2},
    ).eval()
    other.load_state_dict(graph.state_dict())
    for output, one in zip(other(records), fused, strict=True):
        ids, segments = output["panoptic_seg"]
        assert torch.equal(ids, one["segmentation"].clamp(min=0).int())
        found = [s["category_id"] + (0 if s["isthing"] else 3) for s in segments]
        assert found == [s["label_id"] for s in one["segments_info"]]


@pytest.mark.parametrize("kind", OF_DETR)
def test_losses_and_gradients_of_detr_are_theirs(kind):
    theirs, graph = models(kind)
    theirs.train()
    graph.train()
    theirs.zero_grad()
    graph.zero_grad()
    records = make_mask_records()
    expected = theirs(**process(graph, records), labels=make_detr_labels(records)).loss
    losses = graph.run(records, seed=SEED)
    total = sum(losses.values())
    assert {"loss_mask", "loss_dice", "loss_ce_0"} <= set(losses)
    torch.testing.assert_close(total, expected, atol=1e-5, rtol=1e-5)
    expected.backward()
    total.backward()
    wanted = TransformersMapping().rename(
        {name: one.grad for name, one in theirs.named_parameters() if one.grad is not None}
    )
    found = {name: one.grad for name, one in graph.named_parameters() if one.grad is not None}
    assert sorted(found) == sorted(wanted)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-3)
