from itertools import combinations, pairwise

import pytest
from hypothesis import given

from composer.draw.frames import split_frames
from composer.draw.geometry import Rect
from composer.draw.layering import make_layers
from composer.draw.layout import lay_out
from unit.draw.diagrams import diagrams, make_diagram_of

SLACK = 0.5  # pixels


def overlap(left: Rect, right: Rect) -> bool:
    return (
        left.x < right.x + right.width - SLACK
        and right.x < left.x + left.width - SLACK
        and left.y < right.y + right.height - SLACK
        and right.y < left.y + left.height - SLACK
    )


def contains(outer: Rect, inner: Rect) -> bool:
    return (
        outer.x <= inner.x + SLACK
        and outer.y <= inner.y + SLACK
        and inner.x + inner.width <= outer.x + outer.width + SLACK
        and inner.y + inner.height <= outer.y + outer.height + SLACK
    )


@given(diagrams())
def test_every_box_is_drawn_and_none_lies_on_another(diagram):
    layout = lay_out(diagram)
    assert layout.boxes.keys() == diagram.boxes.keys()
    for left, right in combinations(layout.boxes.values(), 2):
        assert not overlap(left, right)


@given(diagrams())
def test_everything_is_inside_the_drawing(diagram):
    layout = lay_out(diagram)
    picture = Rect(0, 0, layout.width, layout.height)
    for rect in [*layout.boxes.values(), *layout.groups.values()]:
        assert contains(picture, rect)


@given(diagrams())
def test_nested_graph_contains_its_boxes_and_no_others(diagram):
    layout = lay_out(diagram)
    for path, rect in layout.groups.items():
        for key, box in layout.boxes.items():
            inside = key.startswith(f"{path}.")
            assert contains(rect, box) if inside else not overlap(rect, box)


@given(diagrams())
def test_wires_lead_downwards_from_their_box_to_their_box(diagram):
    layout = lay_out(diagram)
    for link in diagram.links:
        assert layout.boxes[link.tail].y < layout.boxes[link.head].y
    for curve in layout.curves:
        assert all(upper <= lower + SLACK for upper, lower in pairwise(curve.ys))
        if curve.has_arrow:
            assert any(ends_on(curve, box) for box in layout.boxes.values())


def ends_on(curve, box: Rect) -> bool:
    return (
        abs(curve.ys[-1] - box.y) < SLACK
        and box.x - SLACK <= curve.end_x <= box.x + box.width + SLACK
    )


@given(diagrams())
def test_pieces_of_a_wire_meet(diagram):
    layout = lay_out(diagram)
    ends = {(round(c.end_x, 3), round(c.ys[-1], 3)) for c in layout.curves if not c.has_arrow}
    starts = {(round(c.x, 3), round(c.ys[0], 3)) for c in layout.curves}
    assert ends <= starts


@given(diagrams())
def test_same_diagram_gives_the_same_layout(diagram):
    assert lay_out(diagram) == lay_out(diagram)


def test_chain_stands_in_a_straight_column():
    layout = lay_out(make_diagram_of("abcd", ["ab", "bc", "cd"]))
    assert len({round(rect.centre, 3) for rect in layout.boxes.values()}) == 1


def test_wire_passes_beside_the_nodes_that_it_skips():
    layout = lay_out(make_diagram_of("abcd", ["ab", "bc", "cd", "ad"]))
    for curve in layout.curves:
        for rect in layout.boxes.values():
            crossed = curve.ys[0] < rect.y + 1 and curve.ys[-1] > rect.y + rect.height - 1
            assert not (crossed and rect.x < curve.end_x < rect.x + rect.width)


def test_long_wire_is_straight():
    paths = ["a", "b", "wide_node_with_a_long_name", "c", "d"]
    links = [*pairwise(paths), ("a", "d")]
    layout = lay_out(make_diagram_of(paths, links))
    lane = {
        round(curve.end_x, 3)
        for curve in layout.curves
        if not curve.has_arrow and curve.hint.startswith("a → d")
    }
    assert len(lane) == 1


def test_layers_begin_in_the_order_of_the_diagram():
    paths = [f"node_{i}" for i in range(40)]
    frame = split_frames(make_diagram_of([*paths, "g.a"], [("node_0", "g.a")]))[""]
    assert make_layers(frame).rows[0] == paths


def test_source_stands_just_above_what_needs_it():
    layout = lay_out(make_diagram_of("abcx", ["ab", "bc", "xc"]))
    assert layout.boxes["x"].y == layout.boxes["b"].y


def test_nested_graphs_that_need_each_other_are_dissolved():
    paths = ["g.a", "b", "g.c"]
    diagram = make_diagram_of(paths, [("g.a", "b"), ("b", "g.c")])
    assert split_frames(diagram).keys() == {""}
    layout = lay_out(diagram)
    assert layout.groups == {}
    assert layout.boxes["g.a"].y < layout.boxes["b"].y < layout.boxes["g.c"].y


def test_wires_of_one_port_enter_a_nested_graph_together():
    diagram = make_diagram_of(["a", "g.b", "g.c"], [("a", "g.b"), ("a", "g.c")])
    assert len(split_frames(diagram)["g"].gates("entry")) == 1
    assert len(split_frames(diagram)[""].strands) == 1


def test_order_without_crossings_is_found():
    # Two rows that cross as they are written.
    diagram = make_diagram_of("abcxyz", ["ax", "by", "cz", "az", "bx"])
    curves = lay_out(diagram).curves
    pairs = sorted((curve.x, curve.end_x) for curve in curves)
    crossings = [(p, q) for p, q in combinations(pairs, 2) if p[0] < q[0] and p[1] > q[1] + SLACK]
    assert not crossings


@pytest.mark.parametrize("links", [[], ["ab"]])
def test_smallest_diagrams_are_laid_out(links):
    layout = lay_out(make_diagram_of("ab" if links else "a", links))
    assert layout.width > 0
    assert layout.height > 0
