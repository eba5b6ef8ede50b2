"""What can be wrong with a spec beyond its form: every case has a place, and a way out."""

import pytest

from composer.discovery import find_version
from spec_folder import marked

INSTALLED = f"Node types are installed of: detection-composer {find_version()}."
HEAD = "composer: 1\ninputs: {x: any}\n"


@pytest.mark.parametrize(
    ("nodes", "message", "mark", "hint"),
    [
        (
            "a: {uses: scal, inputs: {x: x}}",
            "unknown node type 'scal'. Did you mean 'scale'?",
            "scal",
            "",
        ),
        (
            "a: {uses: mask_hed, inputs: {x: x}}",
            "unknown node type 'mask_hed'. Did you mean 'mask_head' (detection-composer)?",
            "mask_hed",
            "",
        ),
        (
            "a: {uses: qqqq, inputs: {x: x}}",
            "unknown node type 'qqqq'; `composer nodes` lists what is installed",
            "qqqq",
            "",
        ),
        (
            "a: {uses: composer-rccn/mask_head, inputs: {x: x}}",
            "the distribution 'composer-rccn' is not installed, so there is no node type "
            "'composer-rccn/mask_head'",
            "composer-rccn/mask_head",
            INSTALLED,
        ),
        (
            "a: {uses: somebodys-plugin/mask_head, inputs: {x: x}}",
            "the distribution 'somebodys-plugin' is not installed, so there is no node type "
            "'somebodys-plugin/mask_head'",
            "somebodys-plugin/mask_head",
            INSTALLED,
        ),
        (
            "a: {uses: composer-fpn/mask_head, inputs: {x: x}}",
            "unknown node type 'composer-fpn/mask_head'; `composer nodes` lists what is installed",
            "composer-fpn/mask_head",
            "",
        ),
        (
            "a: {uses: scale, inputs: {x: x}, with: {strat: 2}}",
            "node 'a': configuration 'strat' is not known to scale",
            "strat",
            "Did you mean 'start'?",
        ),
        (
            "a: {uses: scale, inputs: {x: x}, with: {x: 2}}",
            "node 'a': configuration 'x' is not known to scale",
            "x",
            "It is an input port: wire it under 'inputs'.",
        ),
        (
            "a: {uses: source, inputs: {x: x}}\n"
            "  l: {uses: linear, inputs: {x: a}, with: {x_shape: 2}}",
            "node 'l': configuration 'x_shape' is not known to linear",
            "x_shape",
            "It is filled in from what is wired to 'x'.",
        ),
        (
            "a: {uses: scale, inputs: {x: x}, with: {norm: bn}}",
            "node 'a': configuration 'norm': should be '', 'BN' or 'GN', not 'bn'",
            "bn",
            "",
        ),
        (
            "a: {uses: scale, inputs: {x: x}, with: {start: '2'}}",
            "node 'a': configuration 'start': should be a number, not '2'",
            "'2'",
            "",
        ),
        (
            "a: {uses: source, inputs: {x: x}, with: {channels: true}}",
            "node 'a': configuration 'channels': should be a whole number, not true",
            "true",
            "",
        ),
        (
            "a: {uses: source, inputs: {x: x}, with: {channels: [1, 2]}}",
            "node 'a': configuration 'channels': should be a whole number, not a list",
            "[1, 2]",
            "",
        ),
        (
            "a: {uses: scale}",
            "node 'a': input 'x' (Tensor) is not wired",
            "a",
            "No node returns Tensor.",
        ),
        (
            "a: {uses: scale, inputs: {x: {training: x}}}",
            "node 'a': input 'x' (Tensor) is not wired in inference mode",
            "a",
            "No node returns Tensor.",
        ),
        (
            "a: {uses: scale, inputs: {x: x, xx: x}}",
            "node 'a': scale has no input 'xx'",
            "xx",
            "Did you mean 'x'?",
        ),
        (
            "a: {uses: total, inputs: {parts: [x], extr: x}}",
            "node 'a': total has no input 'extr'",
            "extr",
            "Did you mean 'extra'?",
        ),
        (
            "a: {uses: shift, inputs: {x: [x, x]}}",
            "node 'a': input 'x' expects Tensor, not a list of wires",
            "[x, x]",
            "",
        ),
        (
            "f: {uses: features, inputs: {x: x}}\n  a: {uses: total, inputs: {parts: [x, f]}}",
            "node 'a': input 'parts' expects Tensor, but 'f' returns Features.",
            "f",
            "No node returns Tensor.",
        ),
        (
            "s: {uses: split, inputs: {x: x}}\n  a: {uses: shift, inputs: {x: s.hi}}",
            "'s' has no output 'hi'",
            "s.hi",
            "Did you mean 'high'?",
        ),
        (
            "a: {uses: shift, inputs: {x: xx}}",
            "there is no node or input 'xx'",
            "xx",
            "Did you mean 'x'?",
        ),
        (
            "a: {uses: scale, when: training, inputs: {x: x}}\n  b: {uses: shift, inputs: {x: a}}",
            "node 'a' does not exist in inference mode (when: training)",
            "a",
            "Give a wire for each mode: {training: a, inference: ...}.",
        ),
        (
            "a: {uses: shift, inputs: {x: b}}\n  b: {uses: shift, inputs: {x: a}}",
            "the nodes need each other in a ring: a -> b -> a",
            "a",
            "",
        ),
        (
            "a: {uses: shift, inputs: {x: a}}",
            "the nodes need each other in a ring: a -> a",
            "a",
            "",
        ),
        (
            "a: {uses: scale, inputs: {x: x}}\n  b: {same_as: aa, inputs: {x: x}}",
            "'same_as' names no node with 'uses': 'aa'",
            "aa",
            "Did you mean 'a'?",
        ),
        (
            "n: {uses: shift, inputs: {x: x}}\n"
            "  l: {uses: source, inputs: {x: n}, with: {channels: 3}}\n"
            "  b: {uses: linear, inputs: {x: l}, with: {out: -1}}",
            "node 'b' cannot be built: RuntimeError: Trying to create tensor with negative "
            "dimension -1: [-1, 3]",
            "-1",
            "'b.out' is -1.",
        ),
        (
            "n: {uses: shift, inputs: {x: x}}\n  l: {uses: linear, inputs: {x: n}}",
            "node 'l': the shape of its input 'x' is not known, for 'n' declares no output shape",
            "l",
            "A module that changes shapes has a property 'output_shape'.",
        ),
        (
            "a: {uses: scale, inputs: {x: x}, namespace: w}\n"
            "  b: {uses: scale, inputs: {x: x}, namespace: w}",
            "nodes 'a' and 'b' both keep weights under 'w'",
            "b",
            "Give one of them another 'namespace'.",
        ),
        (
            "a: {uses: source, inputs: {x: x}}\n"
            "  l: {uses: linear, inputs: {x: a}, namespace: w}\n"
            "  b: {uses: scale, inputs: {x: x}, namespace: w.linear}",
            "node 'b' keeps weights under 'w.linear', a part of node 'l'",
            "b",
            "Give one of them another 'namespace'.",
        ),
        (
            "a: {uses: scale, inputs: {x: x}, device: gpu}",
            "node 'a': there is no device 'gpu'",
            "gpu",
            "Devices are named as in torch.device: cpu, cuda, cuda:1, meta, ...",
        ),
    ],
)
def test_a_mistake_has_a_place_and_a_way_out(spec_folder, nodes, message, mark, hint):
    problem = spec_folder.problem(f"{HEAD}nodes:\n  {nodes}\n")
    assert problem.message == message
    assert marked(problem) == mark
    assert problem.hint == hint


@pytest.mark.parametrize(
    ("inputs", "message", "hint"),
    [
        ("{x: Featurs}", "unknown port type 'Featurs'", "Did you mean 'Features'?"),
        ("{x: {type: Featurs}}", "unknown port type 'Featurs'", "Did you mean 'Features'?"),
    ],
)
def test_an_unknown_type_of_an_input_is_pointed_at(spec_folder, inputs, message, hint):
    problem = spec_folder.problem(f"composer: 1\ninputs: {inputs}\nnodes: {{}}\n")
    assert (problem.message, marked(problem), problem.hint) == (message, "Featurs", hint)


def test_an_input_and_its_parts_are_ways_out(spec_folder):
    problem = spec_folder.problem(
        "composer: 1\ninputs: {batch: ImageBatch}\nnodes: {a: {uses: preprocess}}\n"
    )
    assert problem.message == "node 'a': input 'batch' (ImageBatch) is not wired"
    assert problem.hint == "Sources of ImageBatch: batch"


def test_a_part_that_an_input_lacks_gets_the_closest_one(spec_folder):
    problem = spec_folder.problem(
        "composer: 1\ninputs: {batch: ImageBatch}\n"
        "nodes: {a: {uses: shift, inputs: {x: batch.instance}}}\n"
    )
    assert problem.message == "the input 'batch' (ImageBatch) has no part 'instance'"
    assert problem.hint == "Did you mean 'instances'?"


def test_an_optional_input_cannot_be_wired_to_a_port_that_needs_a_value(spec_folder):
    nodes = "{{a: {{uses: {}, inputs: {{images: m}}}}}}"
    head = "composer: 1\ninputs: {m: {type: ImageList, optional: true}}\nnodes: "
    problem = spec_folder.problem(head + nodes.format("resnet"))
    assert "expects ImageList, but 'm' is ImageList or nothing." in problem.message


def test_a_module_called_again_must_get_the_same_shapes(spec_folder):
    problem = spec_folder.problem(
        f"""\
        {HEAD.strip().replace(chr(10), chr(10) + "        ")}
        nodes:
          a: {{uses: source, inputs: {{x: x}}, with: {{channels: 3}}}}
          b: {{uses: source, inputs: {{x: x}}, with: {{channels: 4}}}}
          one: {{uses: linear, inputs: {{x: a}}}}
          two: {{same_as: one, inputs: {{x: b}}}}
        """
    )
    assert problem.message == (
        "node 'two' calls 'one' again, which was built for 3 channels, with 4 channels"
    )


def test_a_node_must_get_the_same_shapes_in_both_modes(spec_folder):
    problem = spec_folder.problem(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          a: {uses: source, inputs: {x: x}, with: {channels: 3}}
          b: {uses: source, inputs: {x: x}, with: {channels: 4}}
          l: {uses: linear, inputs: {x: {training: a, inference: b}}}
        """
    )
    assert problem.message == (
        "node 'l' was built for input 'x' with 4 channels, but in training mode it gets 3 channels"
    )


def test_two_nodes_cannot_wait_for_each_others_shapes(spec_folder):
    problem = spec_folder.problem(
        """\
        composer: 1
        inputs: {x: any}
        nodes:
          a: {uses: source, inputs: {x: x}}
          late: {uses: linear, inputs: {x: early}}
          early: {same_as: late, inputs: {x: a}}
        """
    )
    assert problem.message == "node 'early' calls 'late' again, which needs what 'early' returns"
    assert problem.hint == "Let 'early' have the 'uses', and 'late' the 'same_as'."


def test_an_output_shape_that_fails_is_reported(spec_folder):
    import torch

    class Failing(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

        @property
        def output_shape(self):
            return self.missing

    problem = spec_folder.problem(
        f"{HEAD}nodes: {{a: {{uses: failing, inputs: {{x: x}}}}}}\n", nodes={"failing": Failing}
    )
    assert problem.message == (
        "node 'a' cannot tell its output_shape: "
        "AttributeError: 'Failing' object has no attribute 'missing'"
    )


def test_every_ring_is_reported(spec_folder):
    problems = spec_folder.problems(
        f"""\
        {HEAD.strip().replace(chr(10), chr(10) + "        ")}
        nodes:
          a: {{uses: add, inputs: {{a: b, b: c}}}}
          b: {{uses: shift, inputs: {{x: a}}}}
          c: {{uses: shift, inputs: {{x: x}}}}
          d: {{uses: shift, inputs: {{x: f}}}}
          e: {{uses: shift, inputs: {{x: d}}}}
          f: {{uses: shift, inputs: {{x: e}}}}
        """
    )
    assert [p.message.rpartition(": ")[2] for p in problems] == ["a -> b -> a", "d -> e -> f -> d"]
