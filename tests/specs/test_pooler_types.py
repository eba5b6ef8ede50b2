"""Each way to pool regions can be asked for in a spec that differs in one part."""

import pytest
import torch

from composer import Graph

SMALL = {
    "depth": 18,
    "stem_out_channels": 4,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 16,
    "mask_conv_dim": 8,
    "num_classes": 3,
    "score_threshold": 0.0,
}


@pytest.fixture(scope="module")
def pooled():
    """The pooled features of all types, from the same features and proposals."""
    torch.manual_seed(0)
    found, image = {}, torch.rand(3, 64, 64) * 255
    for kind in ("ROIAlignV2", "ROIAlign", "ROIPool"):
        spec = {
            "composer": 1,
            "name": "other_pooler",
            "extends": "mask_rcnn_r50_fpn",
            "set": {"roi_heads.*_pooler.pooler_type": kind},
        }
        graph = Graph.from_spec(spec, seed=0, **SMALL).requires_grad_(False)
        assert len(graph([{"image": image}])[0]["instances"]) > 0
        found[kind] = graph.run([{"image": image}], until="box_pooler")
    return found


def test_types_differ_in_values_and_not_in_shape(pooled):
    assert len({tuple(value.shape) for value in pooled.values()}) == 1
    assert not torch.allclose(pooled["ROIAlignV2"], pooled["ROIAlign"])
    assert not torch.allclose(pooled["ROIAlign"], pooled["ROIPool"])


def test_a_maximum_is_no_less_than_a_mean_of_the_same_features(pooled):
    assert pooled["ROIPool"].mean() > pooled["ROIAlignV2"].mean()
