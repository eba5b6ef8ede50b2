"""Looking at an image several times: what is merged, what is averaged, and what is run."""

import pytest
import torch

from composer import Graph
from composer.data import write_shape_dataset
from composer.data.readers.coco import coco
from composer.errors import InputError
from composer.evaluation import AugmentedPredictor, evaluate_graph
from composer.evaluation.augmented_predictor import View
from composer.structures import Boxes, Instances

SMALL = {
    "depth": 18,
    "num_classes": 3,
    "stem_out_channels": 8,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 8,
    "mask_conv_dim": 8,
    "rpn_post_nms_topk_inference": 30,
    "max_per_image": 12,
}


@pytest.fixture(scope="module")
def graph():
    return Graph.from_spec("mask_rcnn_r50_fpn", **SMALL)


@pytest.fixture
def record():
    image = torch.randint(0, 256, (3, 32, 40), dtype=torch.uint8)
    return {"image": image, "height": 32, "width": 40, "image_id": 1}


def test_view_places_boxes_and_takes_them_back():
    view = View(size=(128, 100), full_size=(64, 80), is_mirrored=True)
    box = Boxes([[0.0, 8.0, 40.0, 32.0]])
    assert view.place(box).tensor.tolist() == [[50.0, 16.0, 100.0, 64.0]]
    assert view.take_back(view.place(box)).tensor.tolist() == box.tensor.tolist()


def test_view_shows_an_image_resized_and_mirrored():
    image = torch.zeros(3, 4, 6, dtype=torch.uint8)
    image[:, :, 0] = 200
    shown = View((4, 6), (4, 6), is_mirrored=True).show(image)
    assert shown[:, :, -1].unique().tolist() == [200]
    assert View((8, 12), (4, 6), is_mirrored=False).show(image).shape == (3, 8, 12)
    assert View((8, 12), (4, 6), is_mirrored=False).show(image.float()).shape == (3, 8, 12)


def test_one_view_of_the_same_size_gives_what_the_graph_gives(graph, record):
    (expected,) = graph([record])
    (found,) = AugmentedPredictor(graph, sizes=[32], flip=False)([record])
    expected, found = expected["instances"], found["instances"]
    assert len(found) > 0
    assert torch.allclose(found.pred_boxes.tensor, expected.pred_boxes.tensor, atol=1e-3)
    assert torch.equal(found.pred_classes, expected.pred_classes)
    assert torch.allclose(found.scores, expected.scores)
    assert (found.pred_masks == expected.pred_masks).float().mean() > 0.999


@pytest.mark.parametrize("flip", [False, True])
def test_proposals_lie_in_every_view_where_they_lie_in_the_image(record, flip):
    names = ("depth", "num_classes", "stem_out_channels", "res2_out_channels", "fpn_channels")
    graph = Graph.from_spec("fast_rcnn_r50_fpn", **{name: SMALL[name] for name in names}, fc_dim=8)
    boxes = Boxes([[2.0, 3.0, 20.0, 30.0], [24.0, 1.0, 39.0, 16.0]])
    record["proposals"] = Instances((32, 40), proposal_boxes=boxes, objectness_logits=torch.ones(2))
    (found,) = AugmentedPredictor(graph, sizes=[64], flip=flip)([record])
    found = found["instances"].pred_boxes.tensor
    assert len(found) > 0
    # Weights that nothing was learnt with move a box by little.
    assert torch.cdist(found, boxes.tensor).min(dim=1).values.max() < 8


def test_mirrored_image_has_the_mirrored_result(graph, record):
    predict = AugmentedPredictor(graph, sizes=[32, 48], flip=True)
    mirrored = {**record, "image": record["image"].flip(-1)}
    (one,), (other,) = predict([record]), predict([mirrored])
    one, other = one["instances"], other["instances"]
    boxes = other.pred_boxes.tensor
    boxes = torch.stack((40 - boxes[:, 2], boxes[:, 1], 40 - boxes[:, 0], boxes[:, 3]), dim=1)
    # A view and its mirror image see the same, so scores come in pairs of any order.
    distances = torch.cdist(one.pred_boxes.tensor, boxes)
    assert torch.allclose(one.scores, other.scores, atol=1e-5)
    assert (distances.amin(dim=1) < 1e-2).all()
    masks = other.pred_masks.flip(-1)[distances.argmin(dim=1)]
    assert (one.pred_masks == masks).float().mean() > 0.99


def test_views_run_what_they_need_and_no_more(graph, record):
    ran = []
    with graph.add_hook(lambda path, _: ran.append(path), "before"):
        AugmentedPredictor(graph, sizes=[32, 48], flip=True)([record])
    # Four views detect, four give masks, and one run makes the outputs from what was merged.
    assert ran.count("roi_heads.box_head") == 4
    assert ran.count("roi_heads.mask_head") == 4
    assert ran.count("backbone.bottom_up") == 8
    assert ran.count("postprocess") == 1


def test_merged_boxes_are_limited_and_suppressed(graph, record):
    (few,) = AugmentedPredictor(graph, sizes=[32], max_per_image=3)([record])
    assert len(few["instances"]) == 3
    (strict,) = AugmentedPredictor(graph, sizes=[32], nms_threshold=0.01)([record])
    (lax,) = AugmentedPredictor(graph, sizes=[32], nms_threshold=0.99)([record])
    assert len(strict["instances"]) < len(lax["instances"])


def test_outputs_have_the_size_that_is_wanted(graph, record):
    (found,) = AugmentedPredictor(graph, sizes=[32])([{**record, "height": 128, "width": 160}])
    assert found["instances"].image_size == (128, 160)
    (found,) = AugmentedPredictor(graph, sizes=[48])([{"image": record["image"]}])
    assert found["instances"].image_size == (32, 40)


def test_graph_can_be_measured_with_it(graph, tmp_path):
    files = write_shape_dataset(tmp_path / "shapes", num_images=2)
    dataset = coco(annotations=files.annotations, images=files.images)
    predict = AugmentedPredictor(graph, sizes=[64], flip=True)
    results = evaluate_graph(graph, dataset, predict=predict)
    assert results.num_images == 2


def test_graphs_that_cannot_be_augmented_are_refused(graph):
    with pytest.raises(InputError, match="no node 'detections'"):
        AugmentedPredictor(Graph.from_spec("rpn_r50_fpn", depth=18, res2_out_channels=8))
    with pytest.raises(InputError, match="positive numbers"):
        AugmentedPredictor(graph, sizes=[])
