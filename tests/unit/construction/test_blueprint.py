"""What a checked spec says: modules that are shared, placed, named, and wired by mode."""

import pytest
import torch
from torch import nn

from composer.construction import build_modules
from composer.structures import TensorShape
from sample_nodes import NODES, Rows

HEAD = "composer: 1\ninputs: {x: any}\n"


def wires(blueprint, path, mode="inference"):
    """The slots of a node's inputs, as text."""
    arguments = blueprint.nodes[path].arguments[mode]
    return {port: [str(slot) for slot in endpoint.slots] for port, endpoint in arguments.items()}


def test_a_node_exists_in_its_mode_only_and_wires_differ_by_mode(spec_folder):
    blueprint = spec_folder.check(
        HEAD
        + """\
nodes:
  a: {uses: scale, inputs: {x: x}}
  t: {uses: scale, when: training, inputs: {x: a}}
  g: {when: inference, inputs: {x: a}, nodes: {i: {uses: scale, inputs: {x: x}}}}
  b: {uses: shift, inputs: {x: {training: t, inference: g.i}}}
  c: {uses: total, inputs: {parts: {training: [a, t, b], inference: [a]}, extra: {training: t}}}
"""
    )
    assert list(blueprint.nodes_in("training")) == ["a", "t", "b", "c"]
    assert list(blueprint.nodes_in("inference")) == ["a", "g.i", "b", "c"]
    assert list(blueprint.nodes) == ["a", "t", "g.i", "b", "c"]
    assert wires(blueprint, "b", "training") == {"x": ["t"]}
    assert wires(blueprint, "b") == {"x": ["g.i"]}
    assert wires(blueprint, "c", "training") == {"parts": ["a", "t", "b"], "extra": ["t"]}
    assert wires(blueprint, "c") == {"parts": ["a"]}


def test_one_module_serves_several_nodes_in_any_order_and_mode(spec_folder):
    blueprint = spec_folder.check(
        HEAD
        + """\
nodes:
  early: {same_as: first, inputs: {x: x}}
  first: {uses: scale, when: training, inputs: {x: x}}
  g:
    inputs: {x: x}
    nodes:
      deep: {uses: scale, inputs: {x: x}}
      near: {same_as: deep, inputs: {x: deep}}
      far: {same_as: first, inputs: {x: near}}
  below: {same_as: g.deep, inputs: {x: early}}
"""
    )
    assert {path: node.same_as for path, node in blueprint.nodes.items()} == {
        "early": "first",
        "first": None,
        "g.deep": None,
        "g.near": "g.deep",
        "g.far": "first",
        "below": "g.deep",
    }
    built = build_modules(blueprint)
    assert set(built) == {"first", "g.deep"}
    assert blueprint.nodes["early"].module_path == "first"


def test_shapes_flow_through_both_modes_and_shared_modules(spec_folder):
    blueprint = spec_folder.check(
        HEAD
        + """\
nodes:
  late: {uses: linear, when: training, inputs: {x: copy}, with: {out: 7}}
  copy: {same_as: one, when: training, inputs: {x: s}}
  one: {uses: linear, inputs: {x: s}, with: {out: 5}}
  s: {uses: source, inputs: {x: x}, with: {channels: 3}}
"""
    )
    assert blueprint.nodes["one"].shapes == {"x_shape": TensorShape(channels=3)}
    assert blueprint.nodes["late"].shapes == {"x_shape": TensorShape(channels=5)}
    assert blueprint.output_shapes["late"] == TensorShape(channels=7)


def test_a_function_that_keeps_the_type_keeps_the_shape(spec_folder):
    def relu(x: Rows) -> Rows:
        return x.clamp(min=0)

    blueprint = spec_folder.check(
        HEAD
        + """\
nodes:
  s: {uses: source, inputs: {x: x}, with: {channels: 3}}
  r: {uses: relu, inputs: {x: s}}
  l: {uses: linear, inputs: {x: r}}
""",
        nodes={**NODES, "relu": relu},
    )
    assert blueprint.nodes["l"].shapes == {"x_shape": TensorShape(channels=3)}


def test_an_output_shape_may_be_a_property_a_method_or_a_value(spec_folder):
    class Told(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

        def output_shape(self) -> TensorShape:
            return TensorShape(channels=4)

    class Held(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.output_shape = TensorShape(channels=4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    for node_type in (Told, Held):
        blueprint = spec_folder.check(
            f"{HEAD}nodes: {{t: {{uses: told, inputs: {{x: x}}}}, "
            "l: {uses: linear, inputs: {x: t}}}\n",
            nodes={**NODES, "told": node_type},
        )
        assert blueprint.nodes["l"].shapes == {"x_shape": TensorShape(channels=4)}


@pytest.mark.parametrize(
    ("group", "node", "namespace"),
    [
        ("", "", "g.n"),
        ("", "namespace: .", "g"),
        ("", "namespace: other", "other"),
        ("namespace: other", "", "other.n"),
        ("namespace: other.", "namespace: .", "other"),
        ("namespace: .", "", "n"),
        ("namespace: .", "namespace: .", ""),
        ("namespace: other", "namespace: a.b", "a.b"),
    ],
)
def test_namespaces_nest_and_a_dot_is_the_graph_around(spec_folder, group, node, namespace):
    group, node = (f", {text}" if text else "" for text in (group, node))
    blueprint = spec_folder.check(
        f"{HEAD}nodes: {{g: {{inputs: {{x: x}}{group}, "
        f"nodes: {{n: {{uses: scale, inputs: {{x: x}}{node}}}}}}}}}\n"
    )
    assert blueprint.nodes["g.n"].namespace == namespace


def test_a_device_is_handed_down_and_goes_with_the_module(spec_folder):
    blueprint = spec_folder.check(
        HEAD
        + """\
nodes:
  g:
    inputs: {x: x}
    device: meta
    nodes:
      a: {uses: scale, inputs: {x: x}}
      b: {uses: scale, device: cpu, inputs: {x: x}}
      h: {inputs: {x: x}, nodes: {c: {uses: shift, inputs: {x: x}}}}
  d: {uses: scale, inputs: {x: x}}
  e: {same_as: g.a, inputs: {x: x}}
"""
    )
    devices = {path: node.device for path, node in blueprint.nodes.items()}
    assert devices == {"g.a": "meta", "g.b": "cpu", "g.h.c": "meta", "d": None, "e": "meta"}
