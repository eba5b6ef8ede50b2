import pytest
import torch

from composer.structures import Boxes, ImageBatch, Instances, ROIMasks, RotatedBoxes
from composer_images.postprocess import postprocess


def batch_of(*output_sizes):
    image = torch.zeros(3, 10, 10)
    return ImageBatch.from_records(
        [{"image": image, "height": height, "width": width} for height, width in output_sizes]
    )


def detected(**fields):
    boxes = Boxes([[2.0, 2.0, 6.0, 8.0], [0.0, 0.0, 4.0, 20.0], [11.0, 0.0, 14.0, 5.0]])
    return Instances((10, 10), pred_boxes=boxes, scores=torch.tensor([0.9, 0.8, 0.7]), **fields)


def test_boxes_are_scaled_clipped_and_dropped_when_empty():
    (result,) = postprocess([detected()], batch_of((20, 5))).instances
    assert result.image_size == (20, 5)
    assert result.pred_boxes.tensor.tolist() == [[1.0, 4.0, 3.0, 16.0], [0.0, 0.0, 2.0, 20.0]]
    assert result.scores.tolist() == pytest.approx([0.9, 0.8])


def test_masks_are_pasted_in_the_resolution_of_the_output():
    masks = torch.ones(3, 1, 4, 4)
    (result,) = postprocess([detected(pred_masks=masks)], batch_of((20, 20))).instances
    assert result.pred_masks.shape == (2, 20, 20)
    assert result.pred_masks.dtype == torch.bool
    assert result.pred_masks[0, 5:15, 5:11].all()  # interpolation rounds the corners off
    assert result.pred_masks[0].sum() == result.pred_masks[0, 4:16, 4:12].sum()


def test_roi_masks_are_pasted_too():
    masks = ROIMasks(torch.ones(3, 4, 4))
    (result,) = postprocess([detected(pred_masks=masks)], batch_of((10, 10))).instances
    assert result.pred_masks[0, 2:8, 2:6].all()


def test_the_mask_threshold_can_be_chosen():
    instances = detected(pred_masks=torch.full((3, 1, 4, 4), 0.3))
    assert not postprocess([instances], batch_of((10, 10))).instances[0].pred_masks.any()
    assert (
        postprocess([instances], batch_of((10, 10)), mask_threshold=0.3)
        .instances[0]
        .pred_masks.any()
    )


def test_keypoints_are_scaled_and_their_scores_kept():
    keypoints = torch.tensor([[[2.0, 3.0, 0.5]]]).expand(3, 1, 3)
    (result,) = postprocess([detected(pred_keypoints=keypoints)], batch_of((20, 5))).instances
    assert result.pred_keypoints[0].tolist() == [[1.0, 6.0, 0.5]]


def test_proposals_are_scaled_by_their_own_field():
    proposals = Instances((10, 10), proposal_boxes=Boxes([[1.0, 1.0, 2.0, 2.0]]))
    (result,) = postprocess([proposals], batch_of((20, 20))).instances
    assert result.proposal_boxes.tensor.tolist() == [[2.0, 2.0, 4.0, 4.0]]


def test_rotated_boxes_are_scaled_and_those_that_lie_flat_are_clipped():
    boxes = RotatedBoxes([[9.0, 5.0, 4.0, 2.0, 90.0], [9.0, 5.0, 4.0, 2.0, 0.0]])
    found = Instances((10, 10), pred_boxes=boxes, scores=torch.tensor([0.9, 0.8]))
    (result,) = postprocess([found], batch_of((10, 30))).instances
    assert result.pred_boxes.tensor[0].tolist() == pytest.approx([27.0, 5.0, 4.0, 6.0, 90.0])
    assert result.pred_boxes.tensor[1].tolist() == pytest.approx([25.5, 5.0, 9.0, 2.0, 0.0])


def test_images_without_detections_have_empty_results():
    instances = detected(pred_masks=torch.ones(3, 1, 4, 4))[:0]
    (result,) = postprocess([instances], batch_of((20, 30))).instances
    assert len(result) == 0
    assert result.pred_masks.shape == (0, 20, 30)


def test_no_images_have_no_results():
    assert postprocess([], ImageBatch([])).instances == []


def test_what_it_is_given_stays_as_it_was():
    instances = detected(pred_masks=torch.ones(3, 1, 4, 4))
    before = instances.map_tensors(torch.clone)
    postprocess([instances], batch_of((20, 5)))
    assert torch.equal(instances.pred_boxes.tensor, before.pred_boxes.tensor)
    assert torch.equal(instances.pred_masks, before.pred_masks)


def test_it_needs_boxes_and_as_many_instances_as_images():
    with pytest.raises(ValueError, match="Instances of 1 images for a batch of 2"):
        postprocess([detected()], batch_of((10, 10), (10, 10)))
    with pytest.raises(ValueError, match="these have scores"):
        postprocess([Instances((10, 10), scores=torch.zeros(1))], batch_of((10, 10)))
