"""Small models of chance, and images."""

import numpy as np
import pytest
from PIL import Image

from composer import Graph

BACKBONE = {"depth": 18, "stem_out_channels": 4, "res2_out_channels": 8}
TWO_STAGES = {
    **BACKBONE,
    "fpn_channels": 8,
    "fc_dim": 16,
    "max_per_image": 6,
    "score_threshold": 0.0,
}
ONE_STAGE = {**BACKBONE, "fpn_channels": 8, "detections.score_threshold": 0.0}
SIZES = {
    "mask_rcnn_r50_fpn": {**TWO_STAGES, "num_classes": 3, "mask_conv_dim": 8},
    "keypoint_rcnn_r50_fpn": {**TWO_STAGES, "keypoint_head.conv_dims": [8]},
    "cascade_mask_rcnn_r50_fpn": {**TWO_STAGES, "num_classes": 3, "mask_conv_dim": 8},
    "retinanet_r50_fpn": {**ONE_STAGE, "num_classes": 3, "detections.max_per_image": 9},
    "fcos_r50_fpn": {
        **ONE_STAGE,
        "fpn_channels": 32,
        "num_classes": 3,
        "detections.max_per_image": 400,
    },
    "rpn_r50_fpn": {**BACKBONE, "fpn_channels": 8, "post_nms_topk_inference": 12},
    "semantic_r50_fpn": {**BACKBONE, "fpn_channels": 8},
}


@pytest.fixture(scope="session")
def make_small():
    """Makes a small model of chance by the name of its spec; each once."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = Graph.from_spec(name, seed=1, set=SIZES[name])
        return made[name]

    return make


@pytest.fixture(scope="session")
def photo(tmp_path_factory):
    """An image of 60 x 90 pixels of noise."""
    file = tmp_path_factory.mktemp("photos") / "noise.png"
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file)
    return file
