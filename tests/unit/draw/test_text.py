"""The two drawings that are text: Mermaid and Graphviz."""

import dataclasses
import re

import pytest
from hypothesis import given

from composer.draw import to_dot, to_mermaid
from drawings import check_drawings
from unit.draw.diagrams import diagrams, make_box, make_diagram_of

AWKWARD = 'a "quoted" <b>&amp;</b> \\ {x|y} ] end; #1\n--> z'


@pytest.fixture
def diagram():
    return make_diagram_of(
        ["a", "g.b", "g.inner.c"], [("a", "boxes", "g.b"), ("g.b", "g.inner.c"), ("a", "g.inner.c")]
    )


def test_mermaid_declares_every_node_and_link(diagram):
    text = to_mermaid(diagram)
    assert text.startswith('---\ntitle: "title"\n---\nflowchart TB\n')
    assert 'n1["<b>b</b><br/>kind"]' in text
    assert 'n0 -->|"boxes"| n1' in text
    assert "n1 --> n2" in text


def test_mermaid_nests_subgraphs(diagram):
    lines = [
        line for line in to_mermaid(diagram).splitlines() if "subgraph" in line or "end" in line
    ]
    assert lines == [
        '    subgraph g0 ["g"]',
        '        subgraph g1 ["inner"]',
        "        end",
        "    end",
    ]


def test_mermaid_rounds_inputs_and_outputs(diagram):
    boxes = {**diagram.boxes, "in": make_box("in", kind="input", type_="")}
    assert 'n3(["<b>in</b>"])' in to_mermaid(dataclasses.replace(diagram, boxes=boxes))


def test_idle_parts_are_pale(diagram):
    boxes = {key: make_box(key, state="idle") for key in diagram.boxes}
    links = tuple(dataclasses.replace(link, is_used=False) for link in diagram.links)
    idle = dataclasses.replace(diagram, boxes=boxes, links=links, is_partial=True)
    assert "linkStyle 0,1,2 stroke:#d0d5dd" in to_mermaid(idle)
    assert to_dot(idle).count('color="#d5dae2", fontcolor="#d5dae2"]') == 3


@given(diagrams())
def test_every_form_shows_each_node_once_and_every_wire(diagram):
    check_drawings(diagram)


@given(diagrams())
def test_subgraphs_of_mermaid_end(diagram):
    text = to_mermaid(diagram)
    assert text.count("subgraph ") == len(re.findall(r"^ *end$", text, re.MULTILINE))


def test_dot_declares_every_node_and_link(diagram):
    text = to_dot(diagram)
    assert text.startswith('digraph "title" {')
    assert '"g.b" [label=<<b>b</b><br/><font point-size="9">kind</font>>' in text
    assert '"a" -> "g.b" [label="boxes"]' in text
    assert '"g.b" -> "g.inner.c"\n' in text


def test_dot_nests_clusters(diagram):
    text = to_dot(diagram)
    assert text.index('subgraph "cluster_g"') < text.index('subgraph "cluster_g.inner"')
    assert text.count("{") == text.count("}")


def test_text_cannot_break_out_of_a_label(diagram):
    awkward = dataclasses.replace(make_box("a"), title=AWKWARD, type=AWKWARD)
    changed = dataclasses.replace(diagram, title=AWKWARD, boxes={**diagram.boxes, "a": awkward})
    mermaid, dot = to_mermaid(changed), to_dot(changed)
    assert len(mermaid.splitlines()) == len(to_mermaid(diagram).splitlines())
    label = re.search(r'n0\["(.*)"\]', mermaid).group(1)
    assert not set('"[]{}|\\') & set(label)
    assert len(dot.splitlines()) == len(to_dot(diagram).splitlines())
    assert "&lt;b&gt;" in dot
    assert '\\"quoted\\"' in dot
