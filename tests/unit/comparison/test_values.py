"""Values of two models: the node that is wrong is named, and those below follow it."""

import copy
import json
import re

import numpy as np
import pytest
import torch

from composer import Graph
from composer.benchmarking import cut_graph
from composer.comparison import compare_graphs, compare_values
from composer.errors import ExecutionError, InputError, NameResolutionError
from composer.structures import Features
from fake_engine import FakeEngine


def verdicts(comparison):
    return {each.node: each.verdict for each in comparison.values.nodes}


def check_cause(comparison, node):
    """Makes sure that a node, and it alone, is named as the cause, and that the rest follows."""
    assert not comparison.is_same
    assert [each.node for each in comparison.values.causes] == [node]
    assert comparison.values.first.node == node
    found = verdicts(comparison)
    before = list(found).index(node)
    assert set([*found.values()][:before]) <= {"same"}
    assert set([*found.values()][before + 1 :]) <= {"same", "follows"}
    assert found["postprocess"] == "follows"


def test_equal_models_are_the_same_in_every_bit(small, open_small, image):
    found = small.compare(open_small(), image)
    assert found.is_same
    assert found.first is None
    assert found.causes == ()
    assert all(each.difference.is_exact for each in found.values.nodes)
    assert [each.node for each in found.values.nodes][:2] == ["batch", "preprocess"]
    (output,) = found.values.outputs
    assert output.detections.num_matched == output.detections.num_one > 0


def test_a_wrong_padding_is_found_at_its_node(small, open_small, image):
    other = open_small()
    conv = other.module("backbone.bottom_up").stem.conv1
    conv.padding_mode, conv._reversed_padding_repeated_twice = "replicate", [3, 3, 3, 3]
    found = small.compare(other, image)
    check_cause(found, "backbone.bottom_up")
    assert not found.structure
    assert not found.weights.nodes
    assert "code" in str(found)


@pytest.mark.parametrize("node", ["backbone.fpn", "rpn.rpn_head"])
def test_a_wrong_padding_further_down_is_found_at_its_node(small, open_small, image, node):
    other = open_small()
    module = other.module(node)
    conv = module.fpn_output2 if node == "backbone.fpn" else module.conv
    conv.padding_mode, conv._reversed_padding_repeated_twice = "circular", [1, 1, 1, 1]
    check_cause(small.compare(other, image), node)


def test_swapped_means_of_colours_are_found_in_the_preprocessing(small, open_small, image):
    other = open_small({"preprocess.pixel_mean": (123.675, 116.28, 103.53)})
    found = small.compare(other, image)
    check_cause(found, "preprocess")
    (reason,) = found.values.first.reasons
    assert reason.startswith("pixel_mean: [103.53")


def test_swapped_colours_in_the_first_weights_are_found_in_the_backbone(small, open_small, image):
    other = open_small()
    weight = other.module("backbone.bottom_up").stem.conv1.weight
    with torch.no_grad():
        weight.copy_(weight.flip(1))
    found = small.compare(other, image)
    check_cause(found, "backbone.bottom_up")
    assert "stem.conv1.weight" in found.values.first.reasons[0]


def test_swapped_colours_of_the_input_are_found_at_the_input(small, open_small, image):
    swapped = [{"image": image[0]["image"].flip(0)}]
    found = compare_graphs(small, open_small(), image, other_inputs=swapped)
    check_cause(found, "batch")


@pytest.mark.parametrize("node", ["backbone.bottom_up", "rpn.rpn_head", "box_head"])
def test_a_stale_weight_is_found_at_its_node(small, open_small, image, node):
    other = open_small()
    name, weight = next(iter(other.module(node).named_parameters()))
    with torch.no_grad():
        weight.mul_(1.3)
    found = small.compare(other, image)
    check_cause(found, node)
    (weights,) = found.weights.nodes
    assert (weights.node, [each.name for each in weights.tensors]) == (node, [name])
    assert weights.tensors[0].relative == pytest.approx(0.3, rel=1e-3)
    assert found.values.first.reasons == (weights.reason,)


def test_half_a_cell_in_the_pooling_is_found_at_the_pooler(small, open_small, image):
    other = open_small({"box_pooler.pooler_type": "ROIAlign"})
    found = small.compare(other, image)
    check_cause(found, "box_pooler")
    assert found.values.first.reasons == ("pooler_type: ROIAlignV2 -> ROIAlign",)


def test_two_faults_are_both_found_though_the_second_is_below_the_first(small, open_small, image):
    other = open_small({"box_pooler.pooler_type": "ROIAlign"})
    with torch.no_grad():
        other.module("backbone.fpn").fpn_output2.bias.add_(1.0)
    found = small.compare(other, image)
    assert [each.node for each in found.values.causes] == ["backbone.fpn", "box_pooler"]
    assert verdicts(found)["rpn.proposals"] in ("same", "follows")


def test_another_number_of_regions_is_said_with_its_node_and_those_below_are_judged(
    small, open_small, image
):
    settings = {"rpn.proposals.post_nms_topk_inference": 5, "box_pooler.pooler_type": "ROIAlign"}
    found = small.compare(open_small(settings), image)
    assert [each.node for each in found.values.causes] == ["rpn.proposals", "box_pooler"]
    assert found.values.other_regions.node == "rpn.proposals"
    assert found.values.other_regions.difference.rows == (12, 5)
    assert verdicts(found)["box_head"] == "follows"
    assert "from rpn.proposals" in str(found)
    assert "12 and 5" in str(found)


def test_regions_in_another_order_are_the_same_boxes(small, image):
    boxes = small.run(image, until="rpn.proposals.boxes", seed=0)
    found = compare_values(boxes, [each[torch.arange(len(each) - 1, -1, -1)] for each in boxes])
    assert found.matched == (12, 12)
    assert found.relative > 0.1
    assert not found.has_other_regions


def test_a_lost_detection_is_listed_with_its_index_and_score(small, open_small, image):
    other = open_small({"detections.max_per_image": 2})
    found = small.compare(other, image)
    check_cause(found, "detections")
    detections = found.values.outputs[0].detections
    assert detections.num_other == 2
    assert len(detections.lost) == detections.num_one - 2 > 0
    assert [each.index for each in detections.lost] == [*range(2, detections.num_one)]
    assert not detections.new
    assert "lost  [2] class " in str(found)


def test_names_limit_what_is_run_and_what_counts(small, open_small, image):
    other = open_small({"box_pooler.pooler_type": "ROIAlign"})
    found = small.compare(other, image, until="backbone")
    assert found.is_same
    assert not found.structure
    assert [each.node for each in found.values.nodes] == [
        *("batch", "preprocess", "backbone.bottom_up", "backbone.fpn")
    ]
    assert [each.name for each in found.values.outputs] == ["backbone"]


def test_a_tap_is_compared_like_a_port(small, open_small, image):
    other = open_small()
    with torch.no_grad():
        other.module("backbone.bottom_up").stem.conv1.weight.mul_(1.1)
    found = small.compare(other, image, until="bottom_up:stem")
    assert [each.name for each in found.values.outputs] == ["backbone.bottom_up:stem"]
    assert found.values.first.node == "backbone.bottom_up"


def test_a_tolerance_decides_what_is_the_same(small, open_small, image):
    other = open_small()
    with torch.no_grad():
        other.module("box_head").fc1.bias.add_(1e-4)
    assert small.compare(other, image, until="box_head", tolerance=0.5).is_same
    assert not small.compare(other, image, until="box_head", tolerance=1e-9).is_same


def test_weights_have_to_be_equal_unless_a_tolerance_is_given(small, open_small, image):
    other = open_small()
    with torch.no_grad():
        other.module("box_head").fc1.weight[0, 0] += 1e-6
    found = small.compare(other, image)
    assert not found.is_same
    assert found.first is None
    assert [each.node for each in found.weights.nodes] == ["box_head"]


def test_an_optimised_graph_is_the_same_within_a_tolerance(small, open_small, image):
    found = small.compare(small.optimize(), image, tolerance=1e-3)
    assert found.is_same
    assert any(not each.difference.is_exact for each in found.values.nodes)


def test_modes_are_given_back_and_random_state_is_left_alone(small, open_small, image):
    graph, other = open_small().train(), open_small()
    other.train()
    other.module("box_head").eval()
    state = torch.random.get_rng_state()
    assert graph.compare(other, image).is_same
    assert graph.training
    assert not other.module("box_head").training
    assert torch.equal(torch.random.get_rng_state(), state)


def test_inputs_are_those_of_one_graph(small, open_small, image):
    with pytest.raises(InputError, match="tolerance"):
        small.compare(open_small(), image, tolerance=-1)
    with pytest.raises(NameResolutionError, match="backbone"):
        small.compare(open_small(), image, until="backbnoe")
    with pytest.raises(InputError):
        small.compare(open_small(), [{"picture": 1}])


def test_without_inputs_nothing_is_run(small, open_small):
    found = small.compare(open_small({"box_pooler.pooler_type": "ROIAlign"}))
    assert found.values is None
    assert not found.is_same
    assert found.first is None


def test_the_result_has_a_short_repr_and_plain_values(small, open_small, image):
    found = small.compare(open_small({"box_pooler.pooler_type": "ROIAlign"}), image)
    assert repr(found).startswith(
        "<Comparison: the models are different, 1 difference of structure"
    )
    assert "values part at box_pooler" in repr(found)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["is_same"] is False
    assert document["values"]["first"] == "box_pooler"
    assert document["values"]["causes"] == ["box_pooler"]
    (output,) = document["values"]["outputs"]
    assert output["detections"]["num_one"] > 0


def small_spec(middle, **nodes):
    """A spec of a few nodes between an input and an output."""
    spec = {
        "composer": 1,
        "name": "chain",
        "inputs": {"x": "any"},
        "nodes": middle,
        "outputs": {"y": [*middle][-1]},
    }
    return Graph.from_spec(spec, nodes=nodes)


def double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


def add_one(x: torch.Tensor) -> torch.Tensor:
    return x + 1


CHAIN = {
    "a": {"uses": "double", "inputs": {"x": "x"}},
    "b": {"uses": "add_one", "inputs": {"x": "a"}},
    "c": {"uses": "double", "inputs": {"x": "b"}},
}
TYPES = {"double": double, "add_one": add_one}


def test_a_node_in_between_is_the_cause_for_the_one_that_is_wired_to_it():
    one = small_spec(CHAIN, **TYPES)
    with_more = {
        "a": CHAIN["a"],
        "extra": {"uses": "add_one", "inputs": {"x": "a"}},
        "b": {"uses": "add_one", "inputs": {"x": "extra"}},
        "c": CHAIN["c"],
    }
    found = one.compare(small_spec(with_more, **TYPES), torch.ones(2))
    assert [str(change) for change in found.structure] == [
        "b  wire x: a -> extra",
        "extra  added (add_one)",
    ]
    assert verdicts(found) == {"x": "same", "a": "same", "b": "differs", "c": "follows"}
    assert found.values.first.reasons == ("wire x: a -> extra",)


def test_a_node_under_another_name_is_compared_with_its_own():
    renamed = {
        "a": CHAIN["a"],
        "offset": CHAIN["b"],
        "c": {"uses": "double", "inputs": {"x": "offset"}},
    }
    one, other = small_spec(CHAIN, **TYPES), small_spec(renamed, **TYPES)
    found = one.compare(other, torch.ones(2))
    assert [change.kind for change in found.structure] == ["renamed"]
    assert set(verdicts(found).values()) == {"same"}
    assert one.compare(other, torch.ones(2), until="b").values.first is None


def test_another_class_of_one_name_is_a_difference():
    one = small_spec(CHAIN, **TYPES)
    found = one.compare(small_spec(CHAIN, double=double, add_one=double), torch.ones(2))
    assert [(change.where, change.kind) for change in found.structure] == [("b", "type")]
    assert found.causes == ("b",)


def test_a_node_that_does_not_take_the_values_of_the_first_is_unknown():
    def as_features(x: torch.Tensor) -> Features:
        return {"p2": x[None, None]}

    def second(x: Features) -> torch.Tensor:
        return x["p2"][0, 0] + 1

    one = small_spec(CHAIN, **TYPES)
    chain = {**CHAIN, "a": {"uses": "as_features", "inputs": {"x": "x"}}}
    chain["b"] = {"uses": "second", "inputs": {"x": "a"}}
    types = {**TYPES, "as_features": as_features, "second": second}
    found = one.compare(small_spec(chain, **types), torch.ones(2, 2))
    assert verdicts(found) == {"x": "same", "a": "differs", "b": "unknown", "c": "follows"}
    assert not found.is_same
    assert "could not be told" in str(found)


def test_a_node_that_fails_is_an_error():
    def fail(x: torch.Tensor) -> torch.Tensor:
        raise ValueError("no")

    one = small_spec(CHAIN, **TYPES)
    with pytest.raises(ExecutionError, match="'b'"):
        one.compare(small_spec(CHAIN, double=double, add_one=fail), torch.ones(2))


def test_noise_is_drawn_alike_in_both_models():
    def draw(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return x + torch.rand(x.shape, generator=generator)

    chain = {"a": {"uses": "draw", "inputs": {"x": "x"}}, "b": CHAIN["b"] | {"inputs": {"x": "a"}}}
    types = {"draw": draw, "add_one": add_one}
    assert small_spec(chain, **types).compare(small_spec(chain, **types), torch.ones(2)).is_same


def test_not_a_number_is_the_same_as_itself_and_nothing_else():
    def root(x: torch.Tensor) -> torch.Tensor:
        return x.sqrt()

    chain = {"a": {"uses": "root", "inputs": {"x": "x"}}}
    one = small_spec(chain, root=root)
    found = one.compare(small_spec(chain, root=root), torch.tensor([-1.0, 4.0]))
    assert found.is_same
    found = one.compare(small_spec(chain, root=double), torch.tensor([-1.0, 4.0]))
    assert found.values.first.node == "a"
    assert json.dumps(found.to_dict())


def test_which_model_fails_is_said(small, open_small):
    spec = {**copy.deepcopy(small.spec.document), "name": "empty"}
    with pytest.raises(InputError, match="in the first model"):
        small.compare(open_small(), {"pictures": 1})
    del spec["nodes"]["box_head"], spec["nodes"]["box_predictor"], spec["nodes"]["detections"]
    for name in ("instances", "postprocess"):
        del spec["nodes"][name]
    other = Graph.from_spec({**spec, "outputs": {"y": "box_pooler"}})
    with pytest.raises(NameResolutionError, match="in the second model, there is no node"):
        small.compare(other, [], until="box_head")


def test_a_set_that_an_engine_runs_is_one_node(small, open_small, image):
    found = small.compare(small.accelerate(FakeEngine), image)
    assert found.is_same
    assert "backbone.bottom_up+backbone.fpn+rpn.rpn_head" in verdicts(found)


def test_a_set_of_which_a_part_runs_only_is_said_to_be_run_by_pytorch(small, image):
    found = small.compare(small.accelerate(FakeEngine), image, until="backbone")
    (note,) = found.values.notes
    assert note.startswith("in the second model, by PyTorch, for rpn.rpn_head does not run")
    assert note in str(found)


def test_an_engine_gets_the_nodes_of_a_cut_graph_alone(small, image):
    one = cut_graph(small, ["backbone"])
    found = one.compare(one.accelerate(FakeEngine), image, until="backbone")
    assert "backbone.bottom_up+backbone.fpn" in verdicts(found)
    assert not found.values.notes


def test_a_tap_or_nothing_is_not_cut_off(small):
    assert cut_graph(small, []) is small
    assert cut_graph(small, ["backbone.bottom_up:stem"]) is small


def test_an_engine_that_computes_something_else_is_the_reason(small, image):
    other = small.accelerate(FakeEngine(offset=0.5), nodes=["box_head"])
    found = small.compare(other, image)
    check_cause(found, "box_head")
    assert "it runs otherwise" in found.values.causes[0].reasons[0]


def test_nodes_below_those_that_an_engine_hides_are_still_compared(small, open_small, image):
    other = open_small({"box_pooler.pooler_type": "ROIAlign"})
    found = small.accelerate(FakeEngine).compare(other, image)
    check_cause(found, "box_pooler")
    found = small.compare(other.accelerate(FakeEngine), image)
    assert found.causes == ("box_pooler",)


def test_parts_of_models_are_compared_on_what_they_are_fed(small, open_small, image):
    feeds = ["backbone", "rpn.proposals"]
    session = small.session(image)
    given = {"backbone": session["backbone"], "rpn.proposals": session["rpn.proposals"]}
    parts = [
        graph.subgraph(until="box_head", feeds=feeds)
        for graph in (small, open_small(), open_small({"box_pooler.pooler_type": "ROIAlign"}))
    ]
    assert parts[0].compare(parts[1], given).is_same
    found = parts[0].compare(parts[2], given)
    assert found.causes == ("box_pooler",)
    assert len(found.structure) == 1


def _stride_in_the_second_convolution(module):
    block = module.res3[0]
    block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def _other_epsilon(module):
    for each in module.modules():
        if hasattr(each, "eps"):
            each.eps = 0.1


def _stale_statistics(module):
    dict(module.named_buffers())["stem.conv1.norm.running_mean"].add_(0.5)


def _classes_in_another_order(module):
    weight = module.cls_score.weight
    weight.copy_(weight[torch.tensor([1, 0, 2])])


@pytest.mark.parametrize(
    ("node", "break_it", "reason"),
    [
        ("backbone.bottom_up", _stride_in_the_second_convolution, None),
        ("backbone.bottom_up", _other_epsilon, None),
        ("backbone.bottom_up", _stale_statistics, "1 of .* weights: stem.conv1.norm.running_mean"),
        ("box_predictor", _classes_in_another_order, "1 of 4 weights: cls_score.weight"),
    ],
)
def test_a_fault_of_a_port_is_found_at_its_node(small, open_small, image, node, break_it, reason):
    other = open_small()
    with torch.no_grad():
        break_it(other.module(node))
    found = small.compare(other, image)
    check_cause(found, node)
    assert (len(found.values.first.reasons) == 0) == (reason is None)
    assert reason is None or re.match(reason, found.values.first.reasons[0])


@pytest.mark.parametrize(
    ("node", "settings"),
    [
        ("preprocess", {"preprocess.pixel_std": (58.4, 57.1, 57.4)}),
        ("rpn.anchors", {"anchors.sizes": ((16,), (8,), (32,))}),
        ("rpn.anchors", {"anchors.offset": 0.5}),
        ("rpn.proposals", {"rpn.proposals.nms_threshold": 0.2}),
        ("box_pooler", {"box_pooler.sampling_ratio": 1}),
        ("detections", {"detections.nms_threshold": 0.1}),
        ("box_predictor", {"box_predictor.num_classes": 3}),
    ],
)
def test_a_setting_of_a_port_is_found_at_its_node(small, open_small, image, node, settings):
    found = small.compare(open_small(settings), image)
    check_cause(found, node)
    assert next(iter(settings)).rpartition(".")[2] in found.values.first.reasons[0]


def test_anchors_of_a_cell_in_another_order_are_found_at_the_anchors(open_small, image):
    shared = {"rpn_head.num_anchors": 2}
    one = open_small({**shared, "anchors.aspect_ratios": ((0.5, 2.0),)})
    found = one.compare(open_small({**shared, "anchors.aspect_ratios": ((2.0, 0.5),)}), image)
    assert found.causes == ("rpn.anchors",)
    assert found.first == "rpn.anchors"


def test_a_pooling_that_rounds_up_gives_another_form_at_its_node():
    def pool(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.max_pool2d(x, 2)

    def pool_up(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.max_pool2d(x, 2, ceil_mode=True)

    chain = {**CHAIN, "b": {"uses": "pool", "inputs": {"x": "a"}}}
    one, other = (small_spec(chain, double=double, pool=each) for each in (pool, pool_up))
    found = one.compare(other, torch.arange(25.0).reshape(1, 1, 5, 5))
    assert verdicts(found) == {"x": "same", "a": "same", "b": "differs", "c": "follows"}
    assert "1x1x2x2 and 1x1x3x3" in str(found)


def test_what_images_come_with_is_compared_too(small, image):
    with_array = [{**image[0], "place": np.array([1, 2])}]
    assert small.compare(small, with_array, until="preprocess").is_same
    other = [{**image[0], "place": np.array([1, 3])}]
    found = compare_graphs(small, small, with_array, other_inputs=other, until="preprocess")
    assert found.causes == ("batch",)
    odd = compare_values({"x": Incomparable()}, {"x": Incomparable()})
    assert odd.remark.startswith("x: Incomparable")


class Incomparable:
    """A value that refuses to be compared."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("not with me")
