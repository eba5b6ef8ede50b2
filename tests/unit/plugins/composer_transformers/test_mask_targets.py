import pytest
import torch

from composer.structures import ImageBatch, ImageList
from composer_transformers.mask_heads import mask_targets


def batch_of(**fields):
    record = {"image": torch.zeros(3, 2, 3), "height": 2, "width": 3, **fields}
    return ImageBatch([record]), ImageList(torch.zeros(1, 3, 4, 6), [(4, 6)])


def test_things_and_stuff_that_are_numbered_apart_have_classes_of_their_own():
    ids = torch.tensor([[5, 5, 9], [0, 7, 7]])
    segments = [
        {"id": 5, "category_id": 1, "isthing": True},
        {"id": 9, "category_id": 1, "isthing": False},
        {"id": 7, "category_id": 0, "isthing": True, "iscrowd": 1},
    ]
    batch, images = batch_of(panoptic_seg=(ids, segments))
    (found,) = mask_targets(batch, images, task="panoptic", first_stuff=3)
    assert found.gt_classes.tolist() == [1, 4]
    assert found.gt_masks.tensor.sum(dim=(1, 2)).tolist() == [8, 4]  # of twice the size
    (found,) = mask_targets(batch, images, task="panoptic")
    assert found.gt_classes.tolist() == [1, 1]


def test_pixels_to_ignore_are_in_no_segment():
    batch, images = batch_of(sem_seg=torch.tensor([[255, 2, 2], [0, 0, 2]]))
    (found,) = mask_targets(batch, images, task="semantic")
    assert found.gt_classes.tolist() == [0, 2]
    assert found.gt_masks.tensor.sum().item() == 20


@pytest.mark.parametrize("task", ["instance", "semantic", "panoptic"])
def test_missing_targets_are_named(task):
    batch, images = batch_of()
    with pytest.raises(ValueError, match=f"targets of {task} segmentation"):
        mask_targets(batch, images, task=task)
