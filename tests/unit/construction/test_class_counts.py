"""Nodes that share classes count as many of them."""

import pytest

from composer.construction import check_source
from composer.errors import SpecError


def check(base, **settings):
    document = {"composer": 1, "name": "x", "extends": base}
    check_source({**document, "set": {k.replace("__", "."): v for k, v in settings.items()}})


@pytest.mark.parametrize(
    ("base", "path", "count", "other", "usual"),
    [
        ("mask_rcnn_r50_fpn", "roi_heads.mask_head", 100, "roi_heads.foreground", 80),
        ("mask_rcnn_r50_fpn", "roi_heads.box_predictor", 3, "roi_heads.class_loss", 80),
        ("mask_rcnn_r50_fpn", "roi_heads.sampled", 81, "roi_heads.box_predictor", 80),
        ("cascade_mask_rcnn_r50_fpn", "roi_heads.stage1.box_predictor", 3, "box_predictor", 80),
        ("fcos_r50_fpn", "targets", 5, "head", 80),
    ],
)
def test_another_number_of_classes_is_told_with_both_nodes(base, path, count, other, usual):
    with pytest.raises(SpecError) as caught:
        check(base, **{f"{path}.num_classes": count})
    message = " ".join(str(caught.value).split())
    assert f"node '{path}' has num_classes: {count}" in message
    assert f"has {usual}" in message
    assert other in message
    assert "1 problem." in message
    assert f"{path}.num_classes" in message  # the place of the setting


def test_of_two_nodes_both_are_named_with_their_counts():
    with pytest.raises(SpecError, match="'targets' has num_classes: 80, but 'head'") as caught:
        check("retinanet_r50_fpn", head__num_classes=5)
    assert "has 5" in str(caught.value)


def test_semantic_classes_are_others_than_those_of_objects():
    check("panoptic_r50_fpn", sem_seg_num_classes=3)


def test_the_recipe_for_predicted_boxes_needs_the_number_of_classes():
    wires = {
        "boxes": "sampled.boxes",
        "classes": "sampled.classes",
        "box_deltas": "box_predictor.box_deltas",
    }
    node = {"uses": "predicted_boxes", "when": "training", "inputs": wires}
    nodes = {"predicted": node, "foreground": {"inputs": {"boxes": "predicted"}}}
    spec = {"composer": 1, "extends": "mask_rcnn_r50_fpn", "nodes": {"roi_heads": {"nodes": nodes}}}
    with pytest.raises(SpecError, match="num_classes"):
        check_source(spec)
    node["with"] = {"num_classes": 100}
    with pytest.raises(SpecError) as caught:
        check_source(spec)
    message = " ".join(str(caught.value).split())
    assert "node 'roi_heads.predicted' has num_classes: 100" in message
    assert "nodes.predicted.with.num_classes:" in message
    node["with"] = ["num_classes"]
    check_source({**spec, "params": {"num_classes": 3}})
