import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer import Graph
from composer.structures import ImageBatch
from composer_transformers.preprocess import TransformersPreprocess
from transformers_models import CONFIGS, MASK_CONFIGS, make_records, small_params

pytestmark = pytest.mark.slow
BOUNDS = {"shortest_edge": 64, "longest_edge": 96}


def preprocess(records, processor="detr", **options):
    module = TransformersPreprocess(processor=processor, options=options).eval()
    return module(ImageBatch(records)).images


def test_padding_of_batches_is_left_out_of_the_sizes():
    images = preprocess(make_records(), size=BOUNDS)
    assert images.tensor.shape == (2, 3, 85, 89)
    assert images.image_sizes == [(64, 89), (85, 64)]
    images = preprocess(make_records(), size=BOUNDS, pad_size={"height": 128, "width": 96})
    assert images.tensor.shape == (2, 3, 128, 96)
    assert images.image_sizes == [(64, 89), (85, 64)]


def test_images_may_keep_their_sizes():
    images = preprocess(make_records(), do_resize=False)
    assert images.image_sizes == [(50, 70), (80, 60)]
    images = preprocess(make_records()[:1], "rt_detr", do_resize=False)
    assert images.image_sizes == [(50, 70)]


def test_sizes_that_differ_and_are_not_padded_are_named():
    with pytest.raises(ValueError, match=r"several sizes after preprocessing \(50x70, 80x60\)"):
        preprocess(make_records(), "rt_detr", do_resize=False)


def test_options_of_older_files_are_understood():
    records = make_records()
    old = preprocess(records, "DetrFeatureExtractor", size=64, max_size=96)
    assert torch.equal(old.tensor, preprocess(records, size=BOUNDS).tensor)


def test_numbers_of_either_kind_are_rescaled_alike():
    records = make_records()
    whole = preprocess(records, size=BOUNDS).tensor
    for record in records:
        record["image"] = record["image"].float()
    # Whole numbers are rounded after resizing.
    torch.testing.assert_close(preprocess(records, size=BOUNDS).tensor, whole, atol=0.02, rtol=0)


def test_images_of_other_channels_are_refused():
    with pytest.raises(ValueError, match="Image 0 has 1 channels"):
        preprocess([{"image": torch.zeros(1, 8, 8)}])


@pytest.mark.parametrize("kind", [*CONFIGS, *MASK_CONFIGS])
@torch.no_grad()
def test_a_batch_of_no_images_has_no_results(kind):
    graph = Graph.from_spec(f"transformers/{kind}", **small_params(kind))
    assert graph.eval()([]) == []
