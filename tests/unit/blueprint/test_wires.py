"""Wires through nested graphs: each is followed once, however many lead there."""

import pytest

from composer.blueprint import resolve_references
from composer.documents import ProblemLog
from composer.errors import SpecError
from composer.language import load_spec


def resolve(nodes, outputs=None):
    log = ProblemLog()
    spec = load_spec(
        {"composer": 1, "inputs": {"x": "any"}, "nodes": nodes, "outputs": outputs or {}}
    )
    blueprint = resolve_references(spec, log)
    log.raise_any()
    return blueprint


def passing(source):
    """A nested graph that hands its input on."""
    return {"inputs": {"x": source}, "nodes": {}, "outputs": {"y": "x"}}


def refuse(file):
    with pytest.raises(SpecError) as caught:
        load_spec(file)
    return caught.value.problems[0].message


@pytest.mark.parametrize("turned", [False, True])
def test_thousands_of_graphs_may_hand_a_value_on(turned):
    nodes = {f"g{i}": passing(f"g{i - 1}" if i else "first") for i in range(1000)}
    nodes |= {"first": {"uses": "a", "inputs": {"x": "x"}}}
    nodes |= {"last": {"uses": "a", "inputs": {"x": "g999"}}}
    blueprint = resolve(dict(reversed(nodes.items())) if turned else nodes)
    (slot,) = blueprint.nodes["last"].arguments["inference"]["x"].slots
    assert slot.path == "first"


def test_outputs_that_double_with_each_graph_are_refused():
    nodes = {"g0": {"inputs": {"x": "x"}, "nodes": {}, "outputs": {"o": ["x", "x"]}}}
    nodes |= {
        f"g{i}": {"inputs": {"x": f"g{i - 1}"}, "nodes": {}, "outputs": {"o": ["x", "x"]}}
        for i in range(1, 60)
    }
    with pytest.raises(SpecError, match="lead to more than 100000 values") as caught:
        resolve(nodes)
    assert len(caught.value.problems) == 1


def test_a_list_of_a_thousand_wires_is_followed():
    nodes = {f"n{i}": {"uses": "a", "inputs": {"x": "x"}} for i in range(1000)}
    inner = {"inputs": {"x": list(nodes)}, "nodes": {}, "outputs": {"y": "x"}}
    blueprint = resolve({**nodes, "g": inner, "all": {"uses": "b", "inputs": {"x": "g"}}})
    assert len(blueprint.nodes["all"].arguments["training"]["x"].slots) == 1000


def test_a_ring_of_outputs_is_named_from_its_start():
    nodes = {"a": passing("b.y"), "b": passing("a.y"), "c": passing("a")}
    with pytest.raises(SpecError, match=r"in a ring: (a\.y -> b\.y -> a\.y|b\.y -> a\.y -> b\.y)"):
        resolve(nodes)


def test_graphs_nested_past_all_measure_are_refused(tmp_path):
    for i in range(2000):
        inner = f"spec: s{i + 1}.yaml" if i < 1999 else "nodes: {}, outputs: {y: x}"
        text = f"composer: 1\ninputs: {{x: any}}\nnodes:\n  n: {{inputs: {{x: x}}, {inner}}}\n"
        (tmp_path / f"s{i}.yaml").write_text(text)
    assert refuse(tmp_path / "s0.yaml").startswith("more than 64")


def test_specs_that_extend_past_all_measure_are_refused(tmp_path):
    for i in range(2000):
        text = f"composer: 1\nextends: s{i + 1}.yaml\nnodes: {{}}\n"
        (tmp_path / f"s{i}.yaml").write_text(text)
    assert refuse(tmp_path / "s0.yaml").startswith("more than 64")


def test_graphs_nested_in_nested_specs_are_refused_past_all_measure(tmp_path):
    for i in range(10):
        node = f"spec: s{i + 1}.yaml" if i < 9 else "nodes: {}, outputs: {y: x}"
        node = f"{{inputs: {{x: x}}, {node}}}"
        for _ in range(40):
            node = f"{{inputs: {{x: x}}, nodes: {{n: {node}}}}}"
        text = f"composer: 1\ninputs: {{x: any}}\nnodes:\n  n: {node}\n"
        (tmp_path / f"s{i}.yaml").write_text(text)
    assert refuse(tmp_path / "s0.yaml") == "more than 64 graphs are nested in one another"
