import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import paste_masks
from composer.structures import Boxes, ROIMasks
from composer.structures.mask_pasting import _chunk_length


def test_a_full_mask_fills_its_box_and_nothing_else():
    pasted = paste_masks(torch.ones(1, 28, 28), torch.tensor([[2.0, 3.0, 7.0, 5.0]]), (10, 12))
    expected = torch.zeros(1, 10, 12, dtype=torch.bool)
    expected[0, 3:5, 2:7] = True
    assert torch.equal(pasted, expected)


def test_a_pixel_belongs_to_the_mask_from_the_threshold_on():
    box = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    assert paste_masks(torch.full((1, 4, 4), 0.5), box, (4, 4)).all()
    assert not paste_masks(torch.full((1, 4, 4), 0.4999), box, (4, 4)).any()
    assert paste_masks(torch.full((1, 4, 4), 0.25), box, (4, 4), threshold=0.2).all()


def test_a_mask_in_its_own_resolution_is_copied():
    mask = torch.rand(1, 6, 6)
    pasted = paste_masks(mask, torch.tensor([[1.0, 2.0, 7.0, 8.0]]), (9, 9))
    assert torch.equal(pasted[:, 2:8, 1:7], mask >= 0.5)
    assert pasted.sum() == (mask >= 0.5).sum()


@pytest.mark.parametrize(
    "box",
    [
        [3.0, 3.0, 3.0, 9.0],
        [5.0, 5.0, 2.0, 2.0],
        [float("nan"), 0.0, 4.0, 4.0],
        [0.0, 0.0, float("inf"), 4.0],
        [-9.0, -9.0, -5.0, -5.0],
        [50.0, 50.0, 60.0, 60.0],
    ],
)
def test_a_box_without_area_or_beside_the_image_has_an_empty_mask(box):
    assert not paste_masks(torch.ones(1, 4, 4), torch.tensor([box]), (10, 10)).any()


def test_a_box_that_reaches_over_the_border_is_cut():
    pasted = paste_masks(torch.ones(1, 4, 4), torch.tensor([[-4.0, 8.0, 3.0, 20.0]]), (10, 10))
    expected = torch.zeros(1, 10, 10, dtype=torch.bool)
    expected[0, 8:, :3] = True
    assert torch.equal(pasted, expected)


def test_half_precision_finds_the_pixels_of_a_large_image():
    box = torch.tensor([[3000.0, 10.0, 3003.0, 13.0]])
    pasted = paste_masks(torch.ones(1, 3, 3, dtype=torch.bfloat16), box, (20, 4000))
    assert pasted[0, 10:13, 3000:3003].all()
    assert pasted.sum() == 9


def test_no_masks_are_pasted_into_no_masks():
    assert paste_masks(torch.zeros(0, 28, 28), torch.zeros(0, 4), (5, 6)).shape == (0, 5, 6)


corner = st.floats(-5, 20, width=32)
side = st.floats(0.5, 25, width=32)


@given(st.lists(st.tuples(corner, corner, side, side), min_size=1, max_size=4), st.data())
def test_windows_and_chunks_do_not_change_the_result(rows, data):
    boxes = torch.tensor([[x, y, x + w, y + h] for x, y, w, h in rows])
    masks = torch.rand(len(rows), 5, 5)
    threshold = data.draw(st.floats(0.05, 0.95))
    one_by_one = paste_masks(masks, boxes, (16, 18), threshold)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("composer.structures.mask_pasting._chunk_length", lambda *_: 100)
        together = paste_masks(masks, boxes, (16, 18), threshold)
    assert torch.equal(one_by_one, together)


def test_chunks_are_as_large_as_memory_allows():
    cuda = torch.device("cuda")
    assert _chunk_length((800, 1333), torch.device("cpu")) == 1
    assert _chunk_length((800, 1333), cuda) > 10
    assert _chunk_length((50_000, 50_000), cuda) == 1


def test_roi_masks_paste_into_an_image():
    masks = ROIMasks(torch.ones(2, 4, 4))
    pasted = masks.paste(Boxes([[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]), (3, 3))
    assert pasted.flatten(1).sum(dim=1).tolist() == [4, 1]


def test_each_mask_needs_a_box():
    with pytest.raises(ValueError, match="0 boxes for 2 masks"):
        ROIMasks(torch.ones(2, 4, 4)).paste(Boxes([]), (3, 3))


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 5), (1, 1, 4, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="R x M x M"):
        ROIMasks(torch.zeros(shape))


def test_they_are_indexed_joined_and_described():
    masks = ROIMasks(torch.rand(3, 4, 4))
    assert torch.equal(masks[[2, 0]].tensor, masks.tensor[[2, 0]])
    assert torch.equal(ROIMasks.cat([masks[:1], masks[1:]]).tensor, masks.tensor)
    assert masks.device == torch.device("cpu")
    assert masks.summary() == "3 masks of 4x4"
    assert masks[:1].summary() == "1 mask of 4x4"
    assert repr(masks) == "ROIMasks(num_instances=3, mask_size=4)"
    with pytest.raises(ValueError, match="no masks"):
        ROIMasks.cat([])
