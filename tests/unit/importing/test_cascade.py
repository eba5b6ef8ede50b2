"""Cascades of any number of stages, with any branches."""

import pytest
import torch

from composer import Graph, import_config
from composer.structures import BitMasks, Boxes, Instances, Keypoints
from composer_rcnn.detections import Detections
from unit.importing.keys import CASCADE

SMALL = {
    "MODEL.RESNETS.DEPTH": 18,
    "MODEL.RESNETS.STEM_OUT_CHANNELS": 4,
    "MODEL.RESNETS.RES2_OUT_CHANNELS": 64,
    "MODEL.FPN.OUT_CHANNELS": 8,
    "MODEL.ROI_HEADS.NUM_CLASSES": 2,
    "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE": 8,
    "MODEL.ROI_BOX_HEAD.FC_DIM": 8,
    "MODEL.ROI_MASK_HEAD.CONV_DIM": 4,
    "MODEL.ROI_KEYPOINT_HEAD.CONV_DIMS": [4],
    "MODEL.RPN.POST_NMS_TOPK_TEST": 10,
}


def stages(count):
    return {
        "MODEL.ROI_BOX_CASCADE_HEAD.IOUS": [0.5 + 0.1 * stage for stage in range(count)],
        "MODEL.ROI_BOX_CASCADE_HEAD.BBOX_REG_WEIGHTS": [
            [10.0 * (stage + 1)] * 2 + [5.0 * (stage + 1)] * 2 for stage in range(count)
        ],
    }


def record():
    masks = torch.zeros(1, 64, 64, dtype=torch.bool)
    masks[0, 8:40, 8:40] = True
    truth = Instances(
        (64, 64),
        gt_boxes=Boxes(torch.tensor([[8.0, 8.0, 40.0, 40.0]])),
        gt_classes=torch.tensor([1]),
        gt_masks=BitMasks(masks),
        gt_keypoints=Keypoints(torch.full((1, 17, 3), 20.0)),
    )
    return {"image": torch.rand(3, 64, 64) * 255, "instances": truth}


def nodes_of(graph, suffix):
    return {path: node for path, node in graph.spec.graph.walk() if path.endswith(suffix)}


@pytest.mark.parametrize("count", [1, 4, 5])
def test_stages_have_their_own_weights_and_the_mean_gradient(config, count):
    graph = Graph.from_spec(import_config(config({**CASCADE, **SMALL, **stages(count)})))
    heads = {key.split(".")[2] for key in graph.state_dict() if "box_predictor" in key}
    assert heads == {str(stage) for stage in range(count)}
    scales = nodes_of(graph, ".gradient_scale").values()
    assert [node.config.plain() for node in scales] == [{"scale": 1 / count}] * count
    losses = graph.train()([record()])
    assert {name for name in losses if "stage" in name} == {
        f"loss_{kind}_stage{stage}" for kind in ("cls", "box_reg") for stage in range(count)
    }
    weights = [
        node.config.plain()["box_weights"][0] for node in nodes_of(graph, ".refined").values()
    ]
    assert weights == [10.0 * (stage + 1) for stage in range(count)]


@pytest.mark.parametrize("count", [2, 4, 5])
def test_scores_are_those_of_all_stages_and_boxes_those_of_the_last(config, count):
    graph = Graph.from_spec(import_config(config({**CASCADE, **SMALL, **stages(count)}))).eval()
    logits = [f"roi_heads.stage{stage}.box_predictor.class_logits" for stage in range(count)]
    boxes = f"roi_heads.stage{count - 1}.refined"
    fields = [f"roi_heads.detections.{name}" for name in Detections._fields]
    with torch.no_grad():
        found = graph.run([record()], until=[*logits, boxes, *fields])
    detected = Detections(*(found[name] for name in fields))
    rows = detected.proposal_indices[0]
    assert len(rows) > 0
    mean = sum(found[name].softmax(dim=1) for name in logits) / count
    torch.testing.assert_close(detected.class_probabilities[0], mean[rows])
    torch.testing.assert_close(detected.boxes[0].tensor, found[boxes][0].tensor[rows])


@pytest.mark.parametrize(("masks", "keypoints"), [(False, True), (True, True)])
def test_branches_learn_from_the_first_stages_regions(config, masks, keypoints):
    keys = {"MODEL.MASK_ON": masks, "MODEL.KEYPOINT_ON": keypoints, **stages(2)}
    graph = Graph.from_spec(import_config(config({**CASCADE, **SMALL, **keys})))
    losses = graph.train()([record()])
    assert ("loss_mask" in losses, "loss_keypoint" in losses) == (masks, keypoints)
    assert ("roi_heads.mask_head" in str(list(graph.state_dict()))) == masks
