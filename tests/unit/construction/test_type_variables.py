"""Type variables in the ports of node types, bound by what is wired to each node."""

from typing import Annotated, NamedTuple, TypeVar

import pytest
import torch
from torch import Tensor

from composer import Graph, InputError
from composer.node import describe_type
from composer.structures import Boxes, PortType, RotatedBoxes
from sample_nodes import NODES
from spec_folder import marked

AnyBoxes = TypeVar("AnyBoxes", Boxes, RotatedBoxes)
Rows = Annotated[list[Tensor], PortType("Rows", of=Boxes)]
RotatedRows = Annotated[list[Tensor], PortType("Rows", of=RotatedBoxes)]
AnyRows = Annotated[list[Tensor], PortType("Rows", of=AnyBoxes)]


class Best(NamedTuple):
    """The better boxes, and the others."""

    kept: list[AnyBoxes]
    left: list[AnyBoxes]


def best(boxes: list[AnyBoxes], *, count: int = 1) -> Best:
    return Best([one[:count] for one in boxes], [one[count:] for one in boxes])


def join(ours: list[AnyBoxes], theirs: list[AnyBoxes]) -> list[AnyBoxes]:
    return [type(one).cat([one, other]) for one, other in zip(ours, theirs, strict=True)]


def gather(parts: list[list[AnyBoxes]]) -> list[AnyBoxes]:
    return parts[0]


def turned(x: Tensor) -> list[RotatedBoxes]:
    return [RotatedBoxes(torch.zeros(2, 5))]


def upright_rows(x: Tensor) -> Rows:
    return [torch.zeros(2, 4)]


def rotated_rows(x: Tensor) -> RotatedRows:
    return [torch.zeros(2, 5)]


def propose(rows: AnyRows) -> list[AnyBoxes]:
    return [(Boxes if one.shape[1] == 4 else RotatedBoxes)(one) for one in rows]


def anything(x: Tensor) -> list[Boxes] | list[RotatedBoxes]:
    return [Boxes(torch.zeros(2, 4))]


def hidden(x: Tensor):
    return [Boxes(torch.zeros(2, 4))]


hidden.__annotations__["return"] = list

GENERIC = {
    **NODES,
    **{
        one.__name__: one
        for one in (
            best,
            join,
            gather,
            turned,
            upright_rows,
            rotated_rows,
            propose,
            anything,
            hidden,
        )
    },
}


def spec_of(nodes, **inputs):
    lines = [f"  {name}: {node}" for name, node in nodes.items()]
    inputs = {"x": "any", **inputs}
    listing = ", ".join(f"{name}: {kind}" for name, kind in inputs.items())
    return f"composer: 1\ninputs: {{{listing}}}\nnodes:\n" + "\n".join(lines) + "\n"


def output_types(spec_folder, nodes, path, mode="inference"):
    blueprint = spec_folder.check(spec_of(nodes), nodes=GENERIC)
    outputs = blueprint.nodes[path].outputs_in(mode)
    return {port: describe_type(kind) for port, kind in outputs.items()}


UPRIGHT = {"u": "{uses: boxes, inputs: {x: x}}"}
TURNED = {"t": "{uses: turned, inputs: {x: x}}"}


def test_outputs_get_the_type_of_what_is_wired(spec_folder):
    nodes = {
        "late": "{uses: best, inputs: {boxes: early.left}}",
        "early": "{uses: best, inputs: {boxes: t}}",
        **TURNED,
    }
    both = {"kept": "RotatedBoxes per image", "left": "RotatedBoxes per image"}
    assert output_types(spec_folder, nodes, "early") == both
    assert output_types(spec_folder, nodes, "late") == both


def test_a_bound_output_fits_an_input_of_that_type(spec_folder):
    nodes = {**UPRIGHT, "b": "{uses: best, inputs: {boxes: u}}"}
    spec_folder.check(spec_of({**nodes, "c": "{uses: count, inputs: {boxes: b}}"}), nodes=GENERIC)


def test_a_bound_output_does_not_fit_another_type(spec_folder):
    nodes = {
        **TURNED,
        **UPRIGHT,
        "b": "{uses: best, inputs: {boxes: t}}",
        "c": "{uses: count, inputs: {boxes: b.left}}",
        "d": "{uses: best, inputs: {boxes: u}}",
    }
    problem = spec_folder.problem(spec_of(nodes), nodes=GENERIC)
    assert problem.message == (
        "node 'c': input 'boxes' expects Boxes per image, but 'b.left' returns "
        "RotatedBoxes per image."
    )
    assert marked(problem) == "b.left"
    assert problem.hint == "Nodes that return Boxes per image: u, d, d.left"


def test_all_inputs_that_name_a_variable_agree(spec_folder):
    nodes = {**UPRIGHT, **TURNED, "j": "{uses: join, inputs: {ours: u, theirs: t}}"}
    problem = spec_folder.problem(spec_of(nodes), nodes=GENERIC)
    assert problem.message == (
        "node 'j': input 'theirs' expects Boxes per image, as input 'ours' gets Boxes per image "
        "from 'u', but 't' returns RotatedBoxes per image."
    )
    assert marked(problem) == "t"
    assert problem.hint == "Nodes that return Boxes per image: u"


def test_all_wires_of_a_gathering_input_agree(spec_folder):
    nodes = {**UPRIGHT, **TURNED, "g": "{uses: gather, inputs: {parts: [u, u, t]}}"}
    problem = spec_folder.problem(spec_of(nodes), nodes=GENERIC)
    assert "as input 'parts' gets Boxes per image from 'u', but 't' returns" in problem.message
    nodes["g"] = "{uses: gather, inputs: {parts: [t, t]}}"
    assert output_types(spec_folder, nodes, "g") == {"output": "RotatedBoxes per image"}


def test_no_alternative_fits_what_is_something_else(spec_folder):
    nodes = {"f": "{uses: features, inputs: {x: x}}", "b": "{uses: best, inputs: {boxes: f}}"}
    problem = spec_folder.problem(spec_of(nodes), nodes=GENERIC)
    assert problem.message == (
        "node 'b': input 'boxes' expects Boxes or RotatedBoxes per image, but 'f' returns Features."
    )


@pytest.mark.parametrize(
    ("rows", "found"), [("upright_rows", "Boxes"), ("rotated_rows", "RotatedBoxes")]
)
def test_what_a_named_type_is_of_binds_a_variable(spec_folder, rows, found):
    nodes = {"r": f"{{uses: {rows}, inputs: {{x: x}}}}", "p": "{uses: propose, inputs: {rows: r}}"}
    assert output_types(spec_folder, nodes, "r") == {"output": f"Rows of {found}"}
    assert output_types(spec_folder, nodes, "p") == {"output": f"{found} per image"}


def test_a_variable_that_nothing_binds_is_any_of_its_alternatives(spec_folder):
    nodes = {
        "a": "{uses: anything, inputs: {x: x}}",
        "o": "{uses: best, inputs: {boxes: x}}",
        "h": "{uses: hidden, inputs: {x: x}}",
        "b": "{uses: best, inputs: {boxes: h}}",
        "j": "{uses: join, inputs: {ours: a, theirs: h}}",
    }
    for path in ("a", "o", "b", "j"):
        kinds = set(output_types(spec_folder, nodes, path).values())
        assert kinds == {"Boxes per image or RotatedBoxes per image"}
    problem = spec_folder.problem(
        spec_of({**nodes, "c": "{uses: count, inputs: {boxes: a}}"}), nodes=GENERIC
    )
    assert "but 'a' returns Boxes per image or RotatedBoxes per image." in problem.message


def test_each_mode_binds_by_its_own_wires(spec_folder):
    nodes = {**UPRIGHT, **TURNED, "b": "{uses: best, inputs: {boxes: {training: t, inference: u}}}"}
    assert output_types(spec_folder, nodes, "b", "training")["kept"] == "RotatedBoxes per image"
    assert output_types(spec_folder, nodes, "b", "inference")["kept"] == "Boxes per image"


def test_a_node_that_is_called_again_is_bound_by_its_own_wires(spec_folder):
    nodes = {
        **UPRIGHT,
        **TURNED,
        "b": "{uses: best, inputs: {boxes: t}}",
        "again": "{same_as: b, inputs: {boxes: u}}",
    }
    assert output_types(spec_folder, nodes, "again")["kept"] == "Boxes per image"


def test_a_ring_is_reported_once_and_nothing_else_of_it(spec_folder):
    nodes = {
        "a": "{uses: best, inputs: {boxes: b}}",
        "b": "{uses: join, inputs: {ours: a, theirs: a}}",
        "c": "{uses: best, inputs: {boxes: b}}",
    }
    problem = spec_folder.problem(spec_of(nodes), nodes=GENERIC)
    assert problem.message == "the nodes need each other in a ring: a -> b -> a"


def test_a_feed_is_held_against_the_bound_type():
    nodes = {
        "t": {"uses": "turned", "inputs": {"x": "x"}},
        "b": {"uses": "best", "inputs": {"boxes": "t"}},
    }
    document = {"composer": 1, "name": "m", "inputs": {"x": "any"}, "nodes": nodes}
    graph = Graph.from_spec({**document, "outputs": {"kept": "b"}}, nodes=GENERIC)
    fed = [RotatedBoxes(torch.ones(3, 5))]
    assert graph.run(until="b.left", feeds={"t": fed})[0].tensor.shape == (2, 5)
    with pytest.raises(InputError, match="'t' is RotatedBoxes per image; a value of type"):
        graph.run(until="b", feeds={"t": [Boxes(torch.ones(3, 4))]})
    with pytest.raises(InputError, match=r"'b\.left' is RotatedBoxes per image"):
        graph.run(until="b.left", feeds={"b": {"left": [Boxes(torch.ones(3, 4))]}})
