"""Models that can be understood: one sees colours, the other is a small Mask R-CNN."""

import numpy as np
import pytest
import torch
from PIL import Image

from composer import Graph
from composer.structures import Boxes, ImageBatch, Instances

SMALL = {
    "depth": 18,
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 16,
    "mask_conv_dim": 8,
    "num_classes": 2,
    "max_per_image": 4,
    "score_threshold": 0.0,
}
SMALL_IMAGES = {
    "composer": 1,
    "name": "mask_rcnn_r50_fpn",
    "extends": "mask_rcnn_r50_fpn",
    "set": SMALL,
    "inputs": {"batch": {"image": {"shortest_edge": 96, "longest_edge": 160}}},
}


def color_instances(batch: ImageBatch, *, red_channel: int = 0) -> list[Instances]:
    """Two instances an image, whose scores say how red it is, and how little so."""
    found = []
    for image, size in zip(batch.images, batch.output_sizes, strict=True):
        redness = image[red_channel].float().mean() / 255
        found.append(
            Instances(
                size,
                pred_boxes=Boxes([[0.0, 0.0, size[1], size[0]], [1.0, 2.0, 4.0, 6.0]]),
                scores=torch.stack([redness, 1 - redness]),
                pred_classes=torch.tensor([0, 1]),
            )
        )
    return found


@pytest.fixture
def see_colors():
    """Makes a graph that sees how red images are, in a given order of channels."""

    def build(channel_order="RGB", **image):
        return Graph.from_spec(
            {
                "composer": 1,
                "name": "see_colors",
                "inputs": {
                    "batch": {
                        "type": "ImageBatch",
                        "image": {"channel_order": channel_order, "shortest_edge": 8, **image},
                    }
                },
                "nodes": {
                    "found": {
                        "uses": "color_instances",
                        "inputs": {"batch": "batch"},
                        "with": {"red_channel": 0 if channel_order == "RGB" else 2},
                    }
                },
                "outputs": {"inference": {"instances": "found"}},
                "metadata": {"thing_classes": ["red thing", "other thing"]},
            },
            nodes={"color_instances": color_instances},
        )

    return build


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A small Mask R-CNN that describes itself, with weights of chance."""
    file = tmp_path_factory.mktemp("models") / "small.safetensors"
    graph = Graph.from_spec(SMALL_IMAGES)
    graph.save(file, metadata={"thing_classes": ["cat", "dog"]})
    return file


@pytest.fixture
def red():
    """An image of 12 x 20 pixels, quite red and not the same everywhere."""
    pixels = np.random.default_rng(0).integers(0, 60, (12, 20, 3), dtype=np.uint8)
    pixels[:, :, 0] += 190
    return Image.fromarray(pixels)
