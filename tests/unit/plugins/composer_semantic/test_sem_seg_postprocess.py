import pytest
import torch

from composer.structures import ImageBatch, ImageList
from composer.testing import check_node_type
from composer_semantic.sem_seg_postprocess import sem_seg_postprocess


def batch_of(*sizes):
    return ImageBatch([{"image": torch.zeros(3, 4, 4), "height": h, "width": w} for h, w in sizes])


def images_of(padded, *sizes):
    return ImageList(torch.zeros(len(sizes), 3, *padded), list(sizes))


def test_each_image_gets_the_size_that_it_asks_for():
    found = sem_seg_postprocess(
        torch.rand(2, 5, 4, 4), images_of((16, 16), (16, 12), (7, 16)), batch_of((9, 5), (20, 30))
    )
    assert [tuple(one.shape) for one in found] == [(5, 9, 5), (5, 20, 30)]


def test_what_lies_in_the_padding_is_cut_off():
    logits = torch.zeros(1, 1, 4, 4)
    logits[..., 2:] = 100.0  # from column 8 on, of 16
    (found,) = sem_seg_postprocess(logits, images_of((16, 16), (16, 6)), batch_of((8, 8)))
    assert found.abs().max() == 0
    (whole,) = sem_seg_postprocess(logits, images_of((16, 16), (16, 16)), batch_of((8, 8)))
    assert whole[0, :, -1].tolist() == [100.0] * 8


def test_logits_of_the_wanted_size_stay_as_they_are():
    logits = torch.rand(1, 3, 6, 5)
    (found,) = sem_seg_postprocess(logits, images_of((6, 5), (6, 5)), batch_of((6, 5)))
    torch.testing.assert_close(found, logits[0])


def test_no_images_have_no_scores():
    assert sem_seg_postprocess(torch.rand(0, 3, 1, 1), images_of((4, 4)), batch_of()) == []


def test_as_many_records_as_images_are_needed():
    with pytest.raises(ValueError, match="Records of 2 images for 1 images"):
        sem_seg_postprocess(
            torch.rand(1, 3, 1, 1), images_of((4, 4), (4, 4)), batch_of(*[(1, 1)] * 2)
        )


def test_it_keeps_the_contract_of_node_types():
    inputs = {
        "logits": torch.rand(1, 3, 2, 2),
        "images": images_of((8, 8), (8, 7)),
        "batch": batch_of((9, 5)),
    }
    check_node_type(sem_seg_postprocess, inputs)
