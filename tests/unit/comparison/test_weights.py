"""Differences of weights by node."""

import math

import pytest
import torch

from composer.comparison import Pairing, compare_weights


def pair(*paths, **renamed):
    nodes = {path: path for path in paths} | renamed
    return Pairing(nodes=nodes, renamed=renamed, removed=(), added=(), inputs={})


def test_norms_of_a_difference_are_those_of_the_tensors():
    one = {"a": {"w": torch.tensor([3.0, 4.0]), "b": torch.ones(2)}}
    other = {"a": {"w": torch.tensor([3.0, 0.0]), "b": torch.ones(2)}}
    (node,) = compare_weights(one, other, pair("a")).nodes
    (tensor,) = node.tensors
    assert (node.node, node.norm, node.num_tensors) == ("a", 4.0, 2)
    assert (tensor.name, tensor.norm, tensor.own_norm, tensor.largest) == ("w", 4.0, 5.0, 4.0)
    assert (tensor.relative, tensor.num_different) == (0.8, 1)
    assert str(node) == "a  1 of 2 weights: w (4.00e+00, 8.0e-01 of it)"


def test_one_bit_is_a_difference_and_a_tolerance_forgives_it():
    one, other = {"a": {"w": torch.ones(3)}}, {"a": {"w": torch.ones(3)}}
    other["a"]["w"][1] = torch.nextafter(torch.tensor(1.0), torch.tensor(2.0))
    assert len(compare_weights(one, other, pair("a")).nodes) == 1
    assert not compare_weights(one, other, pair("a"), tolerance=1e-6).nodes


def test_a_renamed_node_is_compared_with_its_own():
    one, other = {"a": {"w": torch.ones(1)}}, {"b": {"w": torch.zeros(1)}}
    (node,) = compare_weights(one, other, pair(a="b")).nodes
    assert node.node == "a"


def test_other_shapes_and_missing_weights_are_said_whatever_the_tolerance():
    one = {"a": {"w": torch.ones(2, 3), "only": torch.ones(1), "same": torch.ones(1)}}
    other = {"a": {"w": torch.ones(2, 4), "more": torch.ones(1), "same": torch.ones(1)}}
    (node,) = compare_weights(one, other, pair("a"), tolerance=1.0).nodes
    assert [str(each) for each in node.tensors] == [
        "w is 2x3 -> 2x4",
        "only is in the first only",
        "more is in the second only",
    ]
    assert node.norm == 0


def test_a_node_without_weights_in_one_model_is_one_line():
    (node,) = compare_weights({"a": {"w": torch.ones(1)}}, {}, pair("a")).nodes
    assert node.reason == "1 of 1 weights: in the first only"


@pytest.mark.parametrize(
    ("one", "other", "norm"),
    [
        (math.nan, math.nan, None),
        (math.inf, math.inf, None),
        (math.nan, 1.0, math.inf),
        (math.inf, 1.0, math.inf),
    ],
)
def test_numbers_that_are_none_are_equal_to_themselves(one, other, norm):
    found = compare_weights(
        {"a": {"w": torch.tensor([one])}}, {"a": {"w": torch.tensor([other])}}, pair("a")
    )
    assert [each.norm for each in found.nodes] == ([] if norm is None else [norm])


def test_types_of_numbers_are_no_difference_and_counts_of_batches_are_none():
    one = {"a": {"w": torch.ones(2), "n.num_batches_tracked": torch.tensor(3)}}
    other = {"a": {"w": torch.ones(2).half(), "n.num_batches_tracked": torch.tensor(7)}}
    assert not compare_weights(one, other, pair("a")).nodes


def test_nodes_outside_of_the_scope_do_not_count():
    one, other = {"a": {"w": torch.ones(1)}}, {"a": {"w": torch.zeros(1)}}
    found = compare_weights(one, other, pair("a"), scope={"b"})
    assert (found.nodes, found.num_nodes) == ((), 0)
