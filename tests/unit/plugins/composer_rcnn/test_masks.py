import pytest
import torch

from composer_rcnn.masks import masks


def test_each_detection_gets_the_mask_of_its_class():
    logits = torch.randn(3, 4, 2, 2)
    found = masks(
        logits, [torch.tensor([2]), torch.tensor([], dtype=torch.long), torch.tensor([0, 3])]
    )
    assert [tuple(one.shape) for one in found] == [(1, 1, 2, 2), (0, 1, 2, 2), (2, 1, 2, 2)]
    torch.testing.assert_close(found[0][0, 0], logits[0, 2].sigmoid())
    torch.testing.assert_close(found[2][1, 0], logits[2, 3].sigmoid())


def test_a_single_mask_serves_every_class():
    logits = torch.randn(2, 1, 2, 2)
    torch.testing.assert_close(masks(logits, [torch.tensor([7, 80])])[0], logits.sigmoid())


@pytest.mark.parametrize("classes", [[], [torch.zeros(0, dtype=torch.long)]])
def test_no_detections_have_no_masks(classes):
    assert [one.shape for one in masks(torch.zeros(0, 4, 2, 2), classes)] == [(0, 1, 2, 2)] * len(
        classes
    )


def test_classes_must_fit_the_masks():
    with pytest.raises(ValueError, match="2 masks, but 1 classes"):
        masks(torch.zeros(2, 4, 2, 2), [torch.tensor([0])])
    with pytest.raises(ValueError, match="Classes go up to 4, but there are masks of 4"):
        masks(torch.zeros(1, 4, 2, 2), [torch.tensor([4])])
