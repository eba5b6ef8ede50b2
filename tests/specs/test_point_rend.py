"""The shipped specs of PointRend at a small size: parts, training, and hard inputs."""

import pytest
import torch

from composer import Graph
from composer.structures import BitMasks, Boxes, Instances, Keypoints

BACKBONE = {
    "depth": 18,
    "stem_out_channels": 4,
    "res2_out_channels": 64,
    "fpn_channels": 8,
}
MASKS = {
    **BACKBONE,
    "num_classes": 3,
    "fc_dim": 16,
    "batch_size_per_image": 16,
    "coarse_head.conv_dim": 8,
    "coarse_head.fc_dims": [16],
    "point_head.fc_dims": [16, 16],
}
PIXELS = {**BACKBONE, "sem_seg_num_classes": 4, "sem_seg_convs_dim": 32, "point_head.fc_dims": [16]}
ROWS = torch.tensor([[4.0, 6.0, 40.0, 30.0], [20.0, 10.0, 60.0, 60.0]])


def masks_graph(**params):
    return Graph.from_spec("point_rend_r50_fpn", **{**MASKS, **params})


@pytest.mark.slow
def test_a_cascade_with_masks_of_points_and_keypoints_is_trained_and_run():
    block = "detection-composer/blocks/cascade_point_rend_keypoint_roi_heads"
    heads = {"spec": block, "params": {"num_classes": "${num_classes}", "num_keypoints": 3}}
    spec = {
        "composer": 1,
        "extends": "cascade_mask_rcnn_r50_fpn",
        "nodes": {"roi_heads": heads},
    }
    small = {**MASKS, "keypoint_conv_dim": 8, "score_threshold": 0.0, "max_per_image": 2}
    fc_dim = small.pop("fc_dim")
    graph = Graph.from_spec(spec, **small, **{"*.box_head.fc_dims": [fc_dim]}).train()
    (record,) = labelled()
    record["instances"].gt_keypoints = Keypoints(torch.full((2, 3, 3), 25.0).clamp(max=25))
    losses = graph([record])
    assert {"loss_mask", "loss_mask_point", "loss_keypoint"} <= losses.keys()
    sum(losses.values()).backward()
    (found,) = graph.eval()([{"image": image()}])
    assert found["instances"].pred_masks.shape[1:] == (64, 64)
    assert found["instances"].pred_keypoints.shape == (2, 3, 3)


def pixels_graph(**params):
    return Graph.from_spec("point_rend_semantic_r101_fpn", **{**PIXELS, **params})


def image(rows=64, columns=64):
    return torch.rand(3, rows, columns, generator=torch.Generator().manual_seed(0)) * 255


def objects():
    bits = torch.zeros(2, 64, 64, dtype=torch.bool)
    bits[0, 6:30, 4:40] = True
    bits[1, 10:60, 20:60] = True
    return Instances(
        (64, 64), gt_boxes=Boxes(ROWS), gt_classes=torch.tensor([0, 2]), gt_masks=BitMasks(bits)
    )


def labelled():
    classes = torch.zeros(64, 64, dtype=torch.int64)
    classes[:, 20:] = 2
    classes[40:] = 255
    return [{"image": image(), "instances": objects(), "sem_seg": classes}]


@pytest.mark.parametrize("build", [masks_graph, pixels_graph])
def test_points_are_reached_by_gradients_and_the_loss_falls(build):
    graph = build().train()
    optimizer = torch.optim.Adam(graph.parameters(), lr=1e-3)
    totals = []
    for _ in range(12):
        optimizer.zero_grad()
        losses = graph(labelled())
        total = sum(losses.values())
        total.backward()
        totals.append(total.item())
        optimizer.step()
    (name,) = [name for name in losses if name.endswith("_point")]
    assert losses[name] > 0
    heads = [p for key, p in graph.named_parameters() if "point_head" in key]
    assert len(heads) >= 4
    assert all(p.grad.abs().sum() > 0 for p in heads)
    assert sum(totals[-3:]) < sum(totals[:3])


@pytest.mark.parametrize("build", [masks_graph, pixels_graph])
def test_points_are_drawn_by_the_seed_of_the_run(build):
    graph = build().train()
    first, again, other = (
        graph.run(labelled(), until="points", mode="training", seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_points_of_ones_own_are_taken():
    graph = masks_graph().train()
    points = graph.run(labelled(), until="points", mode="training", seed=1)
    feeds = {"points": torch.full_like(points, 0.5)}
    found = graph.run(
        labelled(), until="mask_head.point_logits", feeds=feeds, mode="training", seed=1
    )
    torch.testing.assert_close(found[..., :1].expand_as(found), found)


def test_each_subdivision_doubles_the_masks():
    graph = masks_graph(score_threshold=0.0, max_per_image=4).requires_grad_(False)
    names = ["grid_masks", "subdivision0", "subdivision1", "subdivision2", "coarse_head"]
    found = graph.run([{"image": image()}], until=names)
    sides = {name.rpartition(".")[2]: map_.shape[1:] for name, map_ in found.items()}
    assert sides == {
        "grid_masks": (1, 28, 28),
        "subdivision0": (1, 56, 56),
        "subdivision1": (1, 112, 112),
        "subdivision2": (1, 224, 224),
        "coarse_head": (3, 7, 7),
    }


def test_subdividing_all_points_is_rendering_at_full_resolution():
    graph = masks_graph(score_threshold=0.0, max_per_image=2).requires_grad_(False)
    params = {"roi_heads.mask_head.subdivision_num_points": 224 * 224}
    everywhere = masks_graph(score_threshold=0.0, max_per_image=2, **params).requires_grad_(False)
    everywhere.load_state_dict(graph.state_dict())
    direct = masks_graph(score_threshold=0.0, max_per_image=2, **{"grid.side": 224})
    direct.requires_grad_(False).load_state_dict(graph.state_dict())
    records = [{"image": image()}]
    found = everywhere.run(records, until="subdivision2")
    expected = direct.run(records, until="grid_masks")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_pixels_are_subdivided_to_the_resolution_of_images():
    graph = pixels_graph().requires_grad_(False)
    names = ["coarse_sem_seg_head", "subdivision0", "subdivision1"]
    found = graph.run([{"image": image()}], until=names)
    assert [map_.shape[2:] for map_ in found.values()] == [(16, 16), (32, 32), (64, 64)]
    (result,) = graph([{"image": image(40, 50), "height": 80, "width": 100}])
    assert result["sem_seg"].shape == (4, 80, 100)


def test_heads_share_the_weights_of_all_subdivisions():
    keys = [key for key in masks_graph().state_dict() if "mask_head" in key]
    assert sum("point_head" in key for key in keys) == 6
    assert {key.split(".")[2] for key in keys} == {"coarse_head", "point_head"}


def test_images_without_objects_and_empty_batches_have_no_masks():
    graph = masks_graph(score_threshold=0.999).requires_grad_(False)
    (result,) = graph([{"image": image(), "height": 90, "width": 70}])
    assert result["instances"].pred_masks.shape == (0, 90, 70)
    assert graph([]) == []
    assert pixels_graph().requires_grad_(False)([]) == []


def test_images_without_truth_have_losses():
    graph = masks_graph().train()
    truth = Instances(
        (64, 64),
        gt_boxes=Boxes(torch.zeros(0, 4)),
        gt_classes=torch.zeros(0, dtype=torch.int64),
        gt_masks=BitMasks(torch.zeros(0, 64, 64)),
    )
    losses = graph([{"image": image(), "instances": truth}])
    assert losses["loss_mask_point"] == 0
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in graph.parameters() if p.grad is not None)
