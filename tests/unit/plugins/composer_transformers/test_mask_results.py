"""Instances of queries: which query each is of, with every processor."""

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer.structures import ImageBatch, ImageList
from composer_transformers.mask_results import QueryInstances

SIZE = (40, 60)
PLACES = [(0, 20), (20, 40), (40, 60)]  # columns of the mask of each query
CLASSES = [2, 0, 1]
PROCESSORS = [
    "DetrImageProcessor",
    "ConditionalDetrImageProcessor",
    "MaskFormerImageProcessor",
    "Mask2FormerImageProcessor",
]


def find(processor, certainty, **options):
    """Instances of three queries, each with a class and columns of its own."""
    num_classes = 3 + (processor != "ConditionalDetrImageProcessor")  # and that of no object
    logits = torch.zeros(2, 1, 3, num_classes)  # of two layers
    masks = torch.full((2, 1, 3, *SIZE), -9.0)
    for query, (kind, (left, right)) in enumerate(zip(CLASSES, PLACES, strict=True)):
        logits[-1, 0, query, kind] = certainty[query]
        masks[-1, 0, query, :, left:right] = 9.0
    records = [{"image": torch.zeros(3, *SIZE), "height": SIZE[0], "width": SIZE[1]}]
    images = ImageList(torch.zeros(1, 3, *SIZE), [SIZE])
    node = QueryInstances(processor=processor, score_threshold=0.5, **options)
    return node(logits, masks, images, ImageBatch(records))


@pytest.mark.parametrize("processor", PROCESSORS)
def test_instances_know_their_queries(processor):
    (instances,), (queries,) = find(processor, [3.0, 6.0, 4.0])
    assert queries.tolist() == [1, 2, 0]  # the best first
    assert instances.pred_classes.tolist() == [CLASSES[query] for query in (1, 2, 0)]
    for mask, query in zip(instances.pred_masks, queries.tolist(), strict=True):
        left, right = PLACES[query]
        columns = mask.any(0).nonzero()[:, 0]
        assert abs(int(columns[0]) - left) <= 1  # some processors resize masks twice
        assert abs(int(columns[-1]) + 1 - right) <= 1


@pytest.mark.parametrize("processor", PROCESSORS)
def test_what_is_left_out_moves_no_query(processor):
    (instances,), (queries,) = find(processor, [3.0, -3.0, 4.0], num_classes=2)
    assert queries.tolist() == [2]  # the first is of another kind of class, the second too weak
    assert instances.pred_classes.tolist() == [1]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_no_instances_have_no_queries(processor):
    (instances,), (queries,) = find(processor, [-3.0, -3.0, -3.0])
    assert len(instances) == len(queries) == 0
