"""The pooler in the form for inference gives what it gives as it is."""

import pytest
import torch

from composer.layers import copy_structure
from composer.ops import can_pool_levels
from composer.structures import Boxes, TensorShape
from composer_rcnn import roi_pooler
from composer_rcnn.roi_pooler import ROIPooler

SHAPES = {f"p{level}": TensorShape(channels=64, stride=2**level) for level in (2, 3, 4)}


def make_features(num_images):
    """Maps with their channels last."""
    return {
        name: torch.randn(num_images, 64, 128 // shape.stride, 128 // shape.stride).contiguous(
            memory_format=torch.channels_last
        )
        for name, shape in SHAPES.items()
    }


def make_boxes(num_images):
    corners = torch.rand(num_images, 20, 2) * 90
    return [Boxes(torch.cat([each, each + 5 + each * 3], dim=1)) for each in corners]


@pytest.fixture(params=["kernel", "sums"])
def way(request, monkeypatch):
    """How a folded pooler pools, with and without the extra."""
    if request.param == "kernel" and not can_pool_levels():
        pytest.skip("needs the extra numba")
    monkeypatch.setattr(roi_pooler, "can_pool_levels", lambda: request.param == "kernel")
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["ROIAlignV2", "ROIAlign", "ROIPool"])
@pytest.mark.parametrize("levels", [("p2", "p3", "p4"), ("p3",)])
def test_folded_pooler_equals_the_pooler(levels, kind, dtype, way):
    pooler = ROIPooler(
        features_shape=SHAPES, in_features=levels, output_size=(7, 5), pooler_type=kind
    )
    folded = ROIPooler.optimization().fold(copy_structure(pooler))
    assert folded.way == way
    assert pooler.way == "operator"
    features = {name: map_.to(dtype) for name, map_ in make_features(3).items()}
    boxes = [*make_boxes(2), Boxes(torch.zeros(0, 4))]
    with torch.no_grad():
        found, expected = folded(features, boxes), pooler(features, boxes)
    assert found.dtype == expected.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 0.01
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    none = [Boxes(torch.zeros(0, 4))] * 3
    assert folded(features, none).shape == (0, 64, 7, 5)


def test_the_line_about_an_optimised_graph_names_the_way(way):
    expected = "by a compiled kernel" if way == "kernel" else "as sums of cells"
    assert ROIPooler.optimization().note == f"regions pooled {expected}"


@pytest.mark.parametrize("is_last", [True, False])
def test_sums_are_used_for_maps_with_channels_last_only(is_last, monkeypatch):
    pooler = ROIPooler(features_shape=SHAPES, output_size=7)
    features, boxes = make_features(2), make_boxes(2)
    if not is_last:
        features = {name: map_.contiguous() for name, map_ in features.items()}
    expected = pooler(features, boxes)
    ROIPooler.optimization().train_channels_last(pooler)
    calls = []
    original = roi_pooler.sum_regions
    monkeypatch.setattr(
        roi_pooler, "sum_regions", lambda *given: calls.append(given) or original(*given)
    )
    found = pooler(features, boxes)
    assert len(calls) == is_last
    assert torch.equal(found, expected) is not is_last
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_gradients_of_training_with_channels_last_are_those_of_the_operator():
    gradients = []
    features, boxes = make_features(2), make_boxes(2)
    for prepare in (lambda _: None, ROIPooler.optimization().train_channels_last):
        pooler = ROIPooler(features_shape=SHAPES, output_size=7)
        prepare(pooler)
        maps = {name: map_.clone().requires_grad_() for name, map_ in features.items()}
        pooler(maps, boxes).square().sum().backward()
        gradients.append([map_.grad for map_ in maps.values()])
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    assert not all(map(torch.equal, *gradients))
