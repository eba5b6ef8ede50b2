"""Names of nodes, ports, nested graphs, inputs and taps, in full or by a unique end."""

import pytest
import torch

from composer.blueprint import Slot
from composer.construction import check_source
from composer.errors import InputError, NameResolutionError
from composer.graph.inputs import spread_feed
from sample_nodes import NODES, Halves

SPEC = {
    "composer": 1,
    "inputs": {"x": "any", "batch": "ImageBatch"},
    "nodes": {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "halves": {"uses": "split", "inputs": {"x": "a"}},
        "g": {
            "inputs": {"x": "a"},
            "nodes": {
                "a": {"uses": "scale", "inputs": {"x": "x"}},
                "only": {"uses": "scale", "inputs": {"x": "a"}},
                "parts": {"uses": "split", "inputs": {"x": "a"}},
            },
            "outputs": {"first": "only", "second": "parts.high", "both": ["a", "only"]},
        },
        "h": {
            "inputs": {"x": "a"},
            "nodes": {
                "a": {"uses": "scale", "inputs": {"x": "x"}},
                "late": {"uses": "scale", "when": "training", "inputs": {"x": "a"}},
            },
        },
    },
}

ONE, TWO = torch.ones(1), torch.ones(2)


@pytest.fixture(scope="module")
def blueprint():
    return check_source(SPEC, nodes=NODES)


@pytest.fixture(scope="module")
def book(blueprint):
    return blueprint.book("inference")


@pytest.mark.parametrize(
    ("name", "full", "slots"),
    [
        ("a", "a", ["a"]),
        ("g.a", "g.a", ["g.a"]),
        ("only", "g.only", ["g.only"]),
        ("g", "g", ["g.only"]),
        ("g.first", "g.first", ["g.only"]),
        ("first", "g.first", ["g.only"]),
        ("both", "g.both", ["g.a", "g.only"]),
        ("second", "g.second", ["g.parts.high"]),
        ("halves", "halves", ["halves.low"]),
        ("halves.high", "halves.high", ["halves.high"]),
        ("parts.high", "g.parts.high", ["g.parts.high"]),
        ("x", "x", ["x"]),
        ("batch", "batch", ["batch"]),
        ("batch.images", "batch.images", ["batch.images"]),
        ("images", "batch.images", ["batch.images"]),
    ],
)
def test_a_name_means_a_value(book, name, full, slots):
    target = book.resolve(name)
    assert target.name == full
    assert [str(slot) for slot in target.endpoint.slots] == slots


def test_a_tap_is_a_module_inside_a_node(book):
    target = book.resolve("only:inner.conv")
    assert (target.name, target.tap) == ("g.only:inner.conv", "inner.conv")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("high", "'high' is ambiguous; it could be g.parts.high, halves.high"),
        (
            "onyl",
            "there is no node, port or input 'onyl' in inference mode. Did you mean 'g.only'?",
        ),
        ("g.onyl", "in inference mode. Did you mean 'g.only'?"),
        ("late", "there is no node, port or input 'late' in inference mode"),
        ("nly", "there is no node, port or input 'nly'"),
        ("", "there is no node, port or input ''"),
        ("h", "the nested graph 'h' has no outputs; name one of its nodes: h.a"),
        ("g:conv", "a tap is inside a node; 'g' is none"),
        ("x:conv", "a tap is inside a node; 'x' is none"),
        ("halves.high:conv", "a tap is inside a node; 'halves.high' is none"),
    ],
)
def test_a_name_that_means_nothing_or_several_things_is_refused(book, name, message):
    with pytest.raises(NameResolutionError) as caught:
        book.resolve(name)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "path"), [("only", "g.only"), ("h", "h"), ("g.a", "g.a"), ("a", "a")]
)
def test_nodes_and_nested_graphs_are_found(book, name, path):
    assert book.resolve_node(name) == path


@pytest.mark.parametrize("name", ["x", "high", "late", ""])
def test_what_is_no_node_is_not_found_as_one(book, name):
    with pytest.raises(NameResolutionError, match="there is no node"):
        book.resolve_node(name)


def test_nodes_below_a_path_are_told_in_order(book):
    assert book.nodes_below("g") == ["g.a", "g.only", "g.parts"]
    assert book.nodes_below("g.only") == ["g.only"]
    assert len(book.nodes_below("")) == 6


@pytest.mark.parametrize(
    ("name", "value", "filled"),
    [
        ("a", ONE, {"a": ONE}),
        ("g", ONE, {"g.only": ONE}),
        ("halves", ONE, {"halves.low": ONE}),
        ("halves", Halves(ONE, TWO), {"halves.low": ONE, "halves.high": TWO}),
        ("halves", {"low": ONE, "high": TWO}, {"halves.low": ONE, "halves.high": TWO}),
        ("halves", {"high": TWO}, {"halves.high": TWO}),
        ("x", {"low": 1}, {"x": {"low": 1}}),
    ],
)
def test_a_feed_fills_the_ports_that_it_has_values_for(book, blueprint, name, value, filled):
    found = spread_feed(book.resolve(name), value, blueprint.dependencies("inference"))
    assert {str(slot): part for slot, part in found.items()} == filled  # the very same values


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("only:conv", 1, "a tap can be read, not replaced"),
        ("halves", {"p2": ONE}, "'halves' has no output 'p2'; it has low, high"),
        ("halves", {}, "'halves.low' is Tensor; a value of type dict (empty)"),
        (
            "halves",
            (ONE, TWO),
            "'halves.low' is Tensor; a value of type tuple (1 float32 | 2 float32)",
        ),
        ("halves", {"high": 2}, "'halves.high' is Tensor; a value of type int (2)"),
        ("halves.high", Halves(ONE, TWO), "'halves.high' is Tensor; a value of type Halves"),
        ("a", {"output": ONE}, "'a' is Tensor; a value of type dict"),
        ("a", None, "'a' is Tensor; a value of type NoneType"),
        ("both", 1, "'g.both' stands for several values; replace one of: g.a, g.only"),
        ("halves", {"low": 1, "hig": 2}, "'halves' has no output 'hig'; it has low, high"),
    ],
)
def test_what_cannot_be_fed_is_refused(book, blueprint, name, value, message):
    with pytest.raises(InputError) as caught:
        spread_feed(book.resolve(name), value, blueprint.dependencies("inference"))
    assert message in str(caught.value)


def test_a_feed_of_a_node_may_fill_all_of_its_ports(book):
    assert book.fed_slots(book.resolve("halves")) == (
        Slot("halves", "low"),
        Slot("halves", "high"),
    )
    assert book.fed_slots(book.resolve("halves.low")) == (Slot("halves", "low"),)
    assert book.fed_slots(book.resolve("g")) == (Slot("g.only", "output"),)
