"""The federated loss draws classes by the checkpoint, else the spec, else the training set."""

import pytest
import torch
from safetensors.torch import save_file

from composer import Graph
from composer.data.readers.coco import coco
from composer.experiment.class_weights import count_images, fill_class_weights
from unit.experiment.small_experiment import write_experiment

KEY = "roi_heads.box_predictor.fed_loss_cls_weights"
CLASSES = ["square", "triangle", "disc"]
SIZES = {
    "depth": 18,
    "stem_out_channels": 8,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "roi_heads.fc_dim": 8,
    "num_classes": 3,
    "roi_heads.use_sigmoid_ce": True,
    "roi_heads.class_loss.use_fed_loss": True,
}
PREDICTOR = {
    "box_predictor": {"uses": "federated_box_predictor", "with": ["num_classes"]},
    "class_loss": {"inputs": {"class_weights": "box_predictor.class_weights"}},
}


@pytest.fixture
def dataset(tmp_path):
    write_experiment(tmp_path)
    return coco(annotations=tmp_path / "shapes/instances.json", images=tmp_path / "shapes/images")


def build(weights=None, metadata=None, nodes=PREDICTOR, **settings):
    spec = {
        "composer": 1,
        "name": "small",
        "extends": "faster_rcnn_r50_fpn",
        "set": {**SIZES, **settings},
        "nodes": {"roi_heads": {"nodes": nodes}},
    }
    if metadata is not None:
        spec["metadata"] = metadata
    return Graph.from_spec(spec, weights=weights)


def weights_of(graph):
    return graph.state_dict()[KEY]


def test_the_key_is_that_of_detectron2():
    assert weights_of(build()).tolist() == [0, 0, 0]


def test_images_are_counted_where_nothing_else_is_known(dataset):
    graph = build()
    (line,) = fill_class_weights(graph, dataset)
    counts = count_images(dataset)
    present = [{a.category for a in record.annotations} for record in dataset]
    assert counts == [sum(index in each for each in present) for index in range(3)]
    torch.testing.assert_close(weights_of(graph), torch.tensor(counts).float().sqrt())
    assert line.endswith("by the numbers of images of the training set")


def test_the_metadata_of_the_spec_come_before_the_training_set(dataset):
    metadata = {"thing_classes": CLASSES, "image_counts": [100, 4, 1]}
    graph = build(metadata=metadata)
    (line,) = fill_class_weights(graph, dataset)
    assert weights_of(graph).tolist() == [10, 2, 1]
    assert "the spec's metadata; in the training set, 3 of 3 classes have another share" in line


def test_the_weights_of_the_checkpoint_come_first(dataset, tmp_path):
    state = {**build().state_dict(), KEY: torch.tensor([3.0, 2.0, 1.0])}
    save_file(state, tmp_path / "w.safetensors")
    graph = build(
        tmp_path / "w.safetensors", {"thing_classes": CLASSES, "image_counts": [100, 4, 1]}
    )
    (line,) = fill_class_weights(graph, dataset)
    assert weights_of(graph).tolist() == [3, 2, 1]
    assert "of the checkpoint; in the training set" in line


def test_a_checkpoint_without_them_loads(dataset, tmp_path):
    state = build().state_dict()
    del state[KEY]
    save_file(state, tmp_path / "w.safetensors")
    graph = build(tmp_path / "w.safetensors")
    assert weights_of(graph).tolist() == [0, 0, 0]
    fill_class_weights(graph, dataset)
    assert weights_of(graph).any()


def test_a_loss_without_such_a_predictor_is_filled_too(dataset):
    graph = build(nodes={})
    (line,) = fill_class_weights(graph, dataset)
    assert "the training set" in line
    loss = graph.module("roi_heads.class_loss")
    torch.testing.assert_close(loss.chances, torch.tensor(count_images(dataset)).float().sqrt())
    assert (
        fill_class_weights(build(nodes={}, **{"roi_heads.class_loss.use_fed_loss": False}), dataset)
        == []
    )


def test_counts_of_other_classes_are_refused_with_the_node(dataset):
    with pytest.raises(Exception, match=r"each class has one number"):
        build(metadata={"thing_classes": CLASSES, "image_counts": [1, 2]})


def test_the_loss_draws_by_the_weights_that_are_wired(tmp_path):
    graph = build().train()
    predictor = graph.module("roi_heads.box_predictor")
    predictor.set_class_counts([1, 0, 0])
    loss = graph.module("roi_heads.class_loss")
    logits, classes = torch.zeros(2, 4), [torch.tensor([3, 3])]
    found = loss(logits, classes, torch.Generator(), predictor.fed_loss_cls_weights)["loss_cls"]
    assert found.item() == pytest.approx(0.6931, abs=1e-4)  # one class of three counts
    alike = loss(logits, classes, torch.Generator())["loss_cls"]
    assert alike.item() == pytest.approx(3 * 0.6931, abs=1e-3)
