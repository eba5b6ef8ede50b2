import pytest
import torch

from composer_rcnn.mask_scores import mask_scores

SHARP = [[0.9, 0.1], [1.0, 0.2]]
NOWHERE = [[0.4, 0.1], [0.1, 0.2]]


def _masks(*rows):
    return torch.tensor(rows).reshape(-1, 1, 2, 2)


def test_scores_are_multiplied_by_the_mean_probability_within_the_mask():
    found = mask_scores(
        [torch.tensor([0.8, 0.5]), torch.zeros(0)], [_masks(SHARP, NOWHERE), _masks()]
    )
    torch.testing.assert_close(found[0], torch.tensor([0.8 * 0.95, 0.0]))
    assert found[1].shape == (0,)


def test_exponent_and_threshold_say_how_much_masks_count():
    scores = [torch.tensor([0.8])]
    (found,) = mask_scores(scores, [_masks(SHARP)], exponent=2.0, mask_threshold=0.95)
    torch.testing.assert_close(found, torch.tensor([0.8]))
    (found,) = mask_scores(scores, [_masks(SHARP)], exponent=2.0)
    torch.testing.assert_close(found, torch.tensor([0.8 * 0.95**2]))
    (found,) = mask_scores(scores, [_masks(NOWHERE)], exponent=0.0)
    torch.testing.assert_close(found, scores[0])


def test_masks_of_low_precision_are_averaged_in_full():
    masks = torch.full((1, 1, 28, 28), 0.75, dtype=torch.bfloat16)
    (found,) = mask_scores([torch.tensor([1.0])], [masks])
    torch.testing.assert_close(found, torch.tensor([0.75]))


def test_masks_must_fit_the_scores():
    with pytest.raises(ValueError, match="1 masks, but 2 scores"):
        mask_scores([torch.zeros(2)], [_masks(SHARP)])
