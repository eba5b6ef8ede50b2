"""Names of parts of values: read, resolved and found, with errors that say what there is."""

from typing import NamedTuple

import pytest
import torch

from composer import Graph, InputError, NameResolutionError
from composer.graph.value_parts import parse_part
from composer.structures import Boxes, Instances
from sample_nodes import NODES


class Pair(NamedTuple):
    """Two outputs."""

    boxes: list
    scores: list


@pytest.fixture(scope="module")
def book():
    nodes = {
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "halves": {"uses": "split", "inputs": {"x": "a"}},
    }
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes}
    return Graph.from_spec(document, nodes=NODES).blueprint.book("inference")


FOUND = Instances((4, 4), scores=torch.tensor([0.5, 0.25]), pred_boxes=Boxes(torch.ones(2, 4)))
SCORES = [torch.tensor([0.5, 0.25]), torch.zeros(0)]


@pytest.mark.parametrize(
    ("text", "name", "value", "expected"),
    [
        ("a", "a", torch.tensor(2.0), 2.0),
        ("halves.low[0][1]", "halves.low", SCORES, 0.25),
        ("low[0][-1]", "halves.low", SCORES, 0.25),
        ("low[ 0 ] [1]".replace(" ", ""), "halves.low", SCORES, 0.25),
        ("a[1, 0]", "a", torch.arange(4.0).view(2, 2), 2.0),
        ("a[1][0]", "a", torch.arange(4.0).view(2, 2), 2.0),
        ("a[:, 1].sum()", "a", torch.arange(4.0).view(2, 2), 4.0),
        ("a[0, 0:1].mean()", "a", torch.arange(4.0).view(2, 2), 0.0),
        ("a.max()", "a", torch.arange(4.0), 3.0),
        ("a[0].scores[1]", "a", [FOUND], 0.25),
        ("a[0].pred_boxes[1, 3]", "a", [FOUND], 1.0),
        ("a[0].pred_boxes.tensor.sum()", "a", [FOUND], 8.0),
        ("a[0][1].scores", "a", [FOUND], 0.25),
        ("a.loss", "a", {"loss": torch.tensor(3.0)}, 3.0),
        ("a[loss]", "a", {"loss": torch.tensor(3.0)}, 3.0),
        ("a['loss']", "a", {"loss": torch.tensor(3.0)}, 3.0),
        ("a[0].sum()", "a", {"0": torch.ones(2)}, 2.0),
        ("a.0.sum()", "a", {"0": torch.ones(2)}, 2.0),
        ("a.scores[0][0]", "a", Pair([], SCORES), 0.5),
    ],
)
def test_a_part_is_found(book, text, name, value, expected):
    part = parse_part(text, book)
    assert part.target.name == name
    assert part.read_scalar(value).item() == expected


@pytest.mark.parametrize(
    ("text", "value", "message"),
    [
        ("a[0][7]", SCORES, r"no 'a\[0\]\[7\]': 'a\[0\]' has 2 entries, from 0 to 1"),
        ("a[1][0]", SCORES, r"no 'a\[1\]\[0\]': 'a\[1\]' has no entries"),
        ("a[2][0]", SCORES, r"no 'a\[2\]': 'a' has 2 entries, from 0 to 1"),
        ("a[0][1, 1]", SCORES, r"'a\[0\]' is 2 float32, which has 1 index, not"),
        ("a[1, 5]", torch.zeros(2, 3), r"'a', dimension 1, has 3 entries, from 0 to 2"),
        ("a[0, 1]", SCORES, "which has one index"),
        ("a[0]", SCORES, r"is 2 float32, not one number. Add an index such as \[0\]"),
        ("a", SCORES, "not one number. Add an index, from 0 to 1"),
        ("a[1]", SCORES, "is 0 float32, not one number$"),
        ("a[1].mean()", SCORES, "it is empty, and has no mean"),
        ("a", {"x": torch.ones(1), "y": torch.ones(1)}, "Name one of x, y"),
        ("a[0]", [FOUND], r"Name a field: .scores, .pred_boxes"),
        ("a[0].scors[0]", [FOUND], "'a\\[0\\]' has no 'scors'. Did you mean 'scores'"),
        ("a.p9", {"p2": torch.ones(1), "p3": torch.ones(1)}, "'a' has no 'p9'.*p2.*p3"),
        ("a[0]", torch.tensor([1]), "is a whole number .int64., which has no gradient"),
        ("a[0]", torch.tensor([True]), "is true or false, which has no gradient"),
        ("a.sum()", torch.tensor([True]), "is a whole number .int64., which has no gradient"),
        ("a.sum()", SCORES, "of which there is no sum: it is no tensor"),
        ("a[x]", SCORES, "which has no keys"),
        ("halves.lov[0]", torch.ones(1), "Did you mean 'halves.low'"),
        ("a[0]", 3, "which has no entries"),
        ("a.x", Pair([], []), "there is no node, port or input 'a.x'"),
        ("a[0].x", SCORES, "'a\\[0\\]' is 2 float32, which has no 'x'"),
    ],
)
def test_what_is_not_there_is_said(book, text, value, message):
    with pytest.raises((InputError, NameResolutionError), match=message):
        parse_part(text, book).read_scalar(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b[0]", "there is no node, port or input 'b'"),
        ("", "there is no node, port or input ''"),
        ("a[", "cannot be read from"),
        ("a[0]x", "cannot be read from 'x' on"),
        ("a[0.5:]", "is no index"),
        ("a[]", "is no index"),
        ("a.total()", "there is no reduction 'total"),
        ("a.sum().x", "nothing comes after a number"),
        ("a:[0]", "names no module"),
        (3, "is named by a text, not int"),
    ],
)
def test_what_cannot_be_read_is_refused(book, text, message):
    with pytest.raises((InputError, NameResolutionError), match=message):
        parse_part(text, book)
