import dataclasses
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.draw import to_svg
from composer.draw.text_size import shorten, text_width
from unit.draw.diagrams import diagrams, make_box, make_diagram_of

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture):
    return [element.text for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


@given(diagrams())
def test_svg_is_well_formed_and_names_every_node(diagram):
    shown = texts(to_svg(diagram))
    assert {box.title for box in diagram.boxes.values()} <= set(shown)


def test_svg_shows_title_types_ports_and_nested_graphs():
    diagram = make_diagram_of(["a", "group.b"], [("a", "boxes", "group.b")])
    shown = texts(to_svg(dataclasses.replace(diagram, caption="What it is.")))
    assert {"title", "What it is.", "kind", "boxes", "group"} <= set(shown)


def test_legend_has_the_plugins():
    assert "a-plugin" in texts(to_svg(make_diagram_of("ab", ["ab"])))


def test_legend_has_the_states_that_occur():
    boxes = {"a": make_box("a", state="fed"), "b": make_box("b", state="target")}
    partial = dataclasses.replace(make_diagram_of("ab", ["ab"]), boxes=boxes, is_partial=True)
    shown = texts(to_svg(partial))
    assert {"asked for", "fed: given, not computed"} <= set(shown)
    assert not {"does not run", "a-plugin"} & set(shown)


def test_special_characters_are_shown_as_they_are():
    awkward = dataclasses.replace(make_box("a"), title='<a> & "b"', type="]]>")
    diagram = dataclasses.replace(make_diagram_of("a", []), title="x < y", boxes={"a": awkward})
    assert {'<a> & "b"', "]]>", "x < y"} <= set(texts(to_svg(diagram)))


def test_svg_is_self_contained():
    picture = to_svg(make_diagram_of("ab", ["ab"]))
    assert "<script" not in picture
    assert "href" not in picture
    assert picture.count("http") == 1  # the name space


def test_hint_of_a_wire_names_its_ends():
    root = ElementTree.fromstring(to_svg(make_diagram_of("ab", [("a", "boxes", "b")])))
    hints = [path.findtext(f"{SVG}title") for path in root.iter(f"{SVG}path")]
    assert "a.boxes → b.x" in hints


def test_long_caption_is_cut_to_the_width_of_the_drawing():
    diagram = dataclasses.replace(make_diagram_of("a", []), caption="a long story " * 50)
    (caption,) = [text for text in texts(to_svg(diagram)) if text.startswith("a long")]
    assert caption.endswith("…")
    assert len(caption) < 100


@given(st.text(max_size=30), st.floats(20, 200))
def test_shortened_text_fits(text, width):
    shortened = shorten(text, 12, width)
    assert text_width(shortened, 12) <= width
    assert shortened == text or shortened.endswith("…")


@pytest.mark.parametrize(("narrow", "wide"), [("ill", "mmm"), ("abc", "ABC"), ("a", "aa")])
def test_wide_text_is_taken_to_be_wide(narrow, wide):
    assert text_width(narrow, 12) < text_width(wide, 12)
