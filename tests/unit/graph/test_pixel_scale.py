"""Images of another range of values than the model expects are told, once."""

import logging

import pytest
import torch

from composer import Graph, InputError

SMALL = {"num_classes": 2, "depth": 18, "stem_out_channels": 8, "res2_out_channels": 8}


def make_graph(**image):
    return Graph.from_spec(
        {
            "composer": 1,
            "name": "pixels",
            "extends": "retinanet_r50_fpn",
            "set": SMALL,
            "inputs": {"batch": {"image": {"shortest_edge": 32, **image}}},
        }
    )


def remarks(graph, caplog, *images):
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="composer.graph"):
        for image in images:
            graph.run([{"image": image}], until="preprocess", mode="inference")
    return [record.getMessage() for record in caplog.records]


def test_fractions_are_told_where_bytes_are_expected(caplog):
    graph = make_graph()
    image = torch.rand(3, 32, 40)
    assert remarks(graph, caplog, image * 255, torch.zeros(3, 32, 40)) == []
    (remark,) = remarks(graph, caplog, image, image)
    assert remark.startswith("record 0: the values of 'image' are from ")
    assert remark.endswith("and this model takes 0 to 255: `image * 255`?")
    assert remarks(graph, caplog, image) == []


def test_bytes_are_told_where_fractions_are_expected(caplog):
    graph = make_graph(scale=1 / 255)
    image = torch.full((3, 32, 40), 200, dtype=torch.uint8)
    assert remarks(graph, caplog, image / 255) == []
    (remark,) = remarks(graph, caplog, image)
    assert remark.endswith("this model takes 0 to 1: `image.float() / 255`?")


@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_normalised_images_are_told(caplog, scale):
    image = torch.linspace(-2.1, 2.6, 3 * 32 * 40).reshape(3, 32, 40)
    (remark,) = remarks(make_graph(scale=scale), caplog, image)
    assert remark.startswith("record 0: the values of 'image' are from -2.1 to 2.6: are they norm")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_what_is_no_number_is_told(value, scale, caplog):
    image = torch.rand(3, 32, 40) * 255 * scale
    image[1, 2, 3] = value
    (remark,) = remarks(make_graph(scale=scale), caplog, image)
    assert remark.startswith("record 0: 'image' has NaN or infinite values")


def test_a_misspelt_input_is_told():
    graph = make_graph()
    with pytest.raises(InputError, match=r"there is no input 'btach'.*Did you mean 'batch'"):
        graph(btach=[])
