"""What can be asked for, and what is said of the rest."""

import pytest
import torch

from composer import Graph
from composer.errors import ExecutionError, InputError, NameResolutionError
from composer.extraction import Extractor
from composer.prediction import Predictor
from composer.structures import ImageBatch


@pytest.mark.parametrize(
    ("name", "until", "per", "reason"),
    [
        ("mask_rcnn_r50_fpn", "backbone", "detection", "has one value an image, not one a detec"),
        ("mask_rcnn_r50_fpn", "backbone.p3", "region", "has one value an image, not one a region"),
        ("mask_rcnn_r50_fpn", "objectness", "region", "one value a cell of its maps"),
        ("mask_rcnn_r50_fpn", ["box_head", "mask_head"], "region", "rows of different regions"),
        ("mask_rcnn_r50_fpn", None, "image", "name at least one node"),
        ("mask_rcnn_r50_fpn", "box_head", "box", "one per 'image', 'region' or 'detection', not"),
        ("rpn_r50_fpn", None, "detection", "returns no 'instances'"),
        ("semantic_r50_fpn", None, "region", "has no regions"),
        ("retinanet_r50_fpn", None, "region", "has no regions that detections come from"),
        ("retinanet_r50_fpn", "backbone.p3", "detection", "is one level; a detection lies on any"),
        ("mask_rcnn_r50_fpn", "postprocess", "region", "rows of the instances postprocess"),
    ],
)
def test_a_value_without_such_rows_is_refused(make_small, name, until, per, reason):
    with pytest.raises(InputError, match=reason):
        make_small(name).extract([], until, per=per)


def test_an_unknown_name_suggests_the_nearest(make_small):
    with pytest.raises(NameResolutionError, match="Did you mean"):
        make_small("mask_rcnn_r50_fpn").extract([], "box_haed", per="detection")


def test_options_out_of_their_range_are_refused(make_small):
    graph = make_small("mask_rcnn_r50_fpn")
    with pytest.raises(InputError, match="reduce is 'none', 'mean' or 'max', not 'median'"):
        graph.extract([], "box_head", reduce="median")
    with pytest.raises(InputError, match="score_threshold is from 0 to 1"):
        graph.extract([], "box_head", score_threshold=1.5)


def test_maps_are_pooled_by_channel(make_small, photo):
    graph = make_small("mask_rcnn_r50_fpn")
    options = {"per": "image", "image_size": 120}
    (plain,) = graph.extract(photo, ["backbone.p3", "box_pooler"], **options)
    (mean,) = graph.extract(photo, ["backbone.p3", "box_pooler"], reduce="mean", **options)
    (most,) = graph.extract(photo, "backbone", reduce="max", **options)
    assert plain["backbone.p3"].ndim == 3
    assert torch.equal(mean["backbone.p3"], plain["backbone.p3"].mean(dim=(1, 2)))
    assert torch.equal(mean["box_pooler"], plain["box_pooler"].mean(dim=(2, 3)))
    assert torch.equal(most["backbone.p3"], plain["backbone.p3"].amax(dim=(1, 2)))
    assert [name for name in most if name.startswith("backbone.")] == [
        f"backbone.p{level}" for level in range(2, 7)
    ]


def test_regions_have_boxes_in_the_pixels_of_the_image(make_small, photo):
    graph = make_small("rpn_r50_fpn")
    rows = [*graph.extract(photo, "proposals.objectness_logits", per="region", image_size=120)]
    found = Predictor(graph, score_threshold=0, image_size=120)(photo)["proposals"]
    assert [row["region"] for row in rows] == [*range(len(rows))]
    boxes = torch.stack([row["box"] for row in rows])
    assert torch.allclose(boxes, found.proposal_boxes.tensor)
    assert [row["objectness"] for row in rows] == found.objectness_logits.tolist()
    assert [row["proposals.objectness_logits"] for row in rows] == [r["objectness"] for r in rows]


def test_a_tap_has_the_rows_of_its_node(make_small, photo):
    graph = make_small("mask_rcnn_r50_fpn")
    name = next(n for n, _ in graph.module("box_head").named_modules() if n)
    rows = [
        *graph.extract(
            photo,
            ["box_head", f"box_head:{name}"],
            per="detection",
            image_size=120,
            score_threshold=0,
        )
    ]
    assert len(rows) > 1
    assert rows[0][f"box_head:{name}"].shape == (16,)


def test_a_bad_image_is_a_row_and_the_others_stay(make_small, photo, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    graph = make_small("mask_rcnn_r50_fpn")
    rows = [
        *graph.extract([bad, photo, tmp_path / "none.png"], "box_head", per="image", image_size=120)
    ]
    assert [row["image"] for row in rows] == [0, 1, 2]
    assert "not an image" in rows[0]["error"]
    assert "there is no such file" in rows[2]["error"]
    assert rows[1]["error"] is None
    assert rows[1]["box_head"].shape[1] == 16


def test_arrays_need_the_order_of_their_channels(make_small, photo):
    import numpy as np
    from PIL import Image

    graph, pixels = make_small("mask_rcnn_r50_fpn"), np.array(Image.open(photo))
    (row,) = graph.extract(pixels, "box_head", image_size=120)
    assert "channel_order" in row["error"]
    (same,) = graph.extract(photo, "box_head", image_size=120)
    (row,) = graph.extract(pixels, "box_head", image_size=120, channel_order="RGB")
    assert torch.equal(row["box_head"], same["box_head"])
    assert row["file_name"] is None


def test_a_model_that_fails_on_every_image_says_so(photo):
    def failing(batch: ImageBatch) -> torch.Tensor:
        raise ValueError("always")

    graph = Graph.from_spec(
        {
            "composer": 1,
            "name": "failing",
            "inputs": {"batch": "ImageBatch"},
            "nodes": {"broken": {"uses": "failing", "inputs": {"batch": "batch"}}},
            "outputs": {"inference": {"x": "broken"}},
        },
        nodes={"failing": failing},
    )
    with pytest.raises(ExecutionError, match="always"):
        list(graph.extract(photo, "broken"))


def test_an_extractor_is_told_apart_by_what_changes_its_rows(make_small):
    graph = make_small("mask_rcnn_r50_fpn")
    one = Extractor(graph, "box_head", "detection").describe()
    assert one == Extractor(graph, ["roi_heads.box_head"], "detection").describe()
    assert one != Extractor(graph, "box_head", "image").describe()
    assert one != Extractor(graph, "box_head", "detection", score_threshold=0.4).describe()
    assert one != Extractor(graph.optimize(), "box_head", "detection").describe()
