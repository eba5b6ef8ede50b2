"""Images of bytes in files whose model scales them."""

import pytest
import torch

from composer import Graph
from composer.exporting import ExportOptions, make_cut

SCALE = 1 / 255
BYTES = torch.randint(0, 256, (3, 30, 40), dtype=torch.uint8)


def make(image, scale=SCALE):
    spec = {
        "composer": 1,
        "inputs": {"batch": {"type": "ImageBatch", "image": {"scale": scale}}},
        "nodes": {"preprocess": {"uses": "preprocess", "inputs": {"batch": "batch"}}},
        "outputs": {"images": "preprocess"},
    }
    graph = Graph.from_spec(spec)
    return make_cut(graph, ExportOptions(until=("preprocess",), inputs=[{"image": image}]))


@pytest.mark.parametrize("scale", [SCALE, 1 / 127.5, 2.0])
def test_images_that_are_scaled_bytes_are_bytes_in_a_file(scale):
    cut = make(BYTES.float() * scale, scale)
    (entering,) = cut.entering
    assert entering.scale == scale
    assert entering.tensors[0].dtype == torch.uint8
    assert torch.equal(cut.read_inputs(cut.examples[0])["batch"][0], BYTES)


@pytest.mark.parametrize(
    ("image", "scale"),
    [
        (torch.rand(3, 30, 40), SCALE),
        (BYTES.float(), 1.0),
        (BYTES, SCALE),
        (torch.full((3, 30, 40), torch.nan), SCALE),
    ],
)
def test_other_images_are_as_they_are_given(image, scale):
    cut = make(image, scale)
    (entering,) = cut.entering
    assert entering.scale is None
    assert entering.tensors[0].dtype == image.dtype
