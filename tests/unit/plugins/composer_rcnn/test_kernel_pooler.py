"""The pooler in the form for inference gives what it gives as it is."""

import pytest
import torch

from composer.layers import copy_structure
from composer.ops import can_pool_levels
from composer.structures import Boxes, TensorShape
from composer_rcnn.roi_pooler import ROIPooler

SHAPES = {f"p{level}": TensorShape(channels=4, stride=2**level) for level in (2, 3, 4)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["ROIAlignV2", "ROIAlign", "ROIPool"])
@pytest.mark.parametrize("levels", [("p2", "p3", "p4"), ("p3",)])
def test_folded_pooler_equals_the_pooler(levels, kind, dtype):
    pooler = ROIPooler(
        features_shape=SHAPES, in_features=levels, output_size=(7, 5), pooler_type=kind
    )
    folded = ROIPooler.optimization().fold(copy_structure(pooler))
    assert folded.uses_kernel is can_pool_levels()
    features = {
        name: torch.randn(2, 4, 128 // shape.stride, 128 // shape.stride).to(dtype)
        for name, shape in SHAPES.items()
    }
    corners = torch.rand(2, 20, 2) * 90
    boxes = [Boxes(torch.cat([each, each + 5 + each * 3], dim=1)) for each in corners]
    boxes.append(Boxes(torch.zeros(0, 4)))
    features = {name: torch.cat([map_, map_[:1]]) for name, map_ in features.items()}
    with torch.no_grad():
        found, expected = folded(features, boxes), pooler(features, boxes)
    assert found.dtype == expected.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 0.01
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    none = [Boxes(torch.zeros(0, 4))] * 3
    assert folded(features, none).shape == (0, 4, 7, 5)
