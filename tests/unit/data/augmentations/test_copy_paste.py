"""What pasting objects of another image does to an image, its masks and its maps."""

import pytest
import torch

from composer.data.augmentations import CopyPaste, copy_paste
from composer.data.transforms import pad_sample, with_bit_masks
from composer.structures import BitMasks
from unit.data.some_samples import assert_same, make_sample

ALWAYS = CopyPaste(probability=1.0, object_probability=1.0, scales=(0.9, 1.1))


def mix(augmentation, sample, partner, seed=0):
    return augmentation.mix(sample, torch.Generator().manual_seed(seed), lambda: partner)


@pytest.mark.parametrize("masks", ["outlines", "bit_masks"])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_pasted_hides_what_is_behind_it(masks, seed):
    sample, partner = make_sample(masks=masks), make_sample(30, 40, masks=masks)
    mixed = mix(CopyPaste(probability=1.0, min_visible=0.0), sample, partner, seed)
    assert mixed.bit_masks.sum(dim=0).max() <= max(1, with_bit_masks(sample).bit_masks.sum(0).max())
    assert len(mixed) == len(mixed.boxes) == len(mixed.categories) == len(mixed.keypoints)


def test_pixels_change_where_an_object_was_pasted_and_nowhere_else():
    sample = make_sample()
    only = CopyPaste(probability=1.0, object_probability=1.0, max_objects=1)
    mixed = mix(only, sample, make_sample(masks="bit_masks"))
    pasted = mixed.bit_masks[-1]
    assert torch.equal(mixed.image[:, ~pasted], sample.image[:, ~pasted])
    assert torch.equal(mixed.sem_seg[~pasted], sample.sem_seg[~pasted])
    assert (mixed.sem_seg[pasted] == sample.ignore_label).all()
    assert (mixed.panoptic[pasted] == 0).all()


def test_boxes_of_what_was_pasted_fit_their_masks():
    mixed = mix(ALWAYS, make_sample(), make_sample())
    tight = BitMasks(mixed.bit_masks).get_bounding_boxes().tensor.double()
    assert torch.equal(mixed.boxes[-1], tight[-1])


@pytest.mark.parametrize("seed", range(8))
def test_keypoints_that_come_to_lie_beyond_the_image_are_hidden(seed):
    mixed = mix(ALWAYS, make_sample(), make_sample(), seed)
    padded = pad_sample(mixed, 20, 20, mixed.height + 40, mixed.width + 40)
    seen = padded.keypoints[..., 2] > 0
    points = padded.keypoints[..., :2][seen] - 20
    assert ((points >= 0) & (points <= torch.tensor([mixed.width, mixed.height]))).all()


def test_objects_that_are_all_but_hidden_are_dropped():
    sample = make_sample(masks="bit_masks")
    strict = CopyPaste(probability=1.0, object_probability=1.0, min_visible=0.99, scales=(2, 2))
    lost = [len(mix(strict, sample, make_sample(), seed)) < 4 for seed in range(10)]
    assert any(lost)


def test_a_probability_of_zero_leaves_the_sample_as_it_is():
    sample = make_sample()
    assert_same(mix(CopyPaste(probability=0.0), sample, make_sample()), sample)


def test_equal_generators_give_equal_samples():
    first, second = (mix(ALWAYS, make_sample(), make_sample(), seed=3) for _ in range(2))
    assert_same(first, second, tolerance=0)


def test_what_was_given_is_left_alone():
    sample, partner = make_sample(masks="bit_masks"), make_sample(masks="bit_masks")
    mix(ALWAYS, sample, partner)
    assert_same(sample, make_sample(masks="bit_masks"), tolerance=0)
    assert_same(partner, make_sample(masks="bit_masks"), tolerance=0)


def test_at_least_half_of_each_side_is_placed_inside(monkeypatch):
    """Down to exactly half of it, at every border."""
    shares = []

    def note(sample, part, top, left, _min_visible):
        for start, length, available in (
            (top, part.height, sample.height),
            (left, part.width, sample.width),
        ):
            inside = min(start + length, available) - max(start, 0)
            shares.append((length % 2, start < 0, start + length > available, inside / length))
        return sample

    monkeypatch.setattr(copy_paste, "paste_object", note)
    for seed in range(150):
        mix(ALWAYS, make_sample(12, 12), make_sample(), seed)
    assert min(share for *_, share in shares) == 0.5
    for border in ((True, False), (False, True)):
        even = [share for odd, *over, share in shares if not odd and tuple(over) == border]
        assert min(even) == 0.5


def test_scales_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="smallest, largest"):
        CopyPaste(scales=(2.0, 1.0))
