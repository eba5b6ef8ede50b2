"""Plans: what runs, what is cut, which inputs are read, and where values are released."""

import pytest

from composer.blueprint import make_plan
from composer.construction import check_source
from sample_nodes import NODES

SPEC = {
    "composer": 1,
    "inputs": {"x": "any", "batch": "ImageBatch"},
    "nodes": {
        "last": {"uses": "add", "inputs": {"a": "halves.low", "b": "b"}},
        "halves": {"uses": "split", "inputs": {"x": "a"}},
        "b": {"uses": "total", "inputs": {"parts": ["a", "halves.high", "a"], "extra": "x"}},
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "boxes": {"uses": "size", "inputs": {"sizes": "batch.output_sizes"}},
        "both": {"uses": "whole", "inputs": {"batch": "batch", "sizes": "batch.output_sizes"}},
    },
    "outputs": {"y": "last"},
}


def size(sizes: list[tuple[int, int]]) -> int:
    return len(sizes)


def whole(batch: object, sizes: list[tuple[int, int]]) -> int:
    return len(sizes)


@pytest.fixture(scope="module")
def blueprint():
    return check_source(SPEC, nodes={**NODES, "size": size, "whole": whole})


@pytest.fixture
def plan(blueprint):
    book, dependencies = blueprint.book("inference"), blueprint.dependencies("inference")

    def make(*targets, feeds=(), **options):
        slots = [slot for name in feeds for slot in book.resolve(name).endpoint.slots]
        return make_plan(dependencies, [book.resolve(name) for name in targets], slots, **options)

    return make


def releases(plan):
    return {step.node.path: [str(slot) for slot in step.releases] for step in plan.steps}


def keeps(plan):
    return {step.node.path: [str(slot) for _, slot in step.keeps] for step in plan.steps}


def test_steps_come_after_what_they_need_and_values_go_after_their_last_use(plan):
    found = plan("last")
    assert found.paths == ("a", "halves", "b", "last")
    assert found.inputs == ("x",)
    assert found.not_run == ("boxes", "both")
    assert found.cut == ()
    assert releases(found) == {
        "a": [],
        "halves": [],
        "b": ["a", "halves.high", "x"],
        "last": ["b", "halves.low"],
    }


def test_only_outputs_that_somebody_needs_are_kept(plan):
    assert keeps(plan("halves.high")) == {"a": ["a"], "halves": ["halves.high"]}
    assert keeps(plan("b"))["halves"] == ["halves.high"]
    assert keeps(plan("b", keep_all=True))["halves"] == ["halves.low", "halves.high"]


def test_targets_are_not_released(plan):
    assert releases(plan("last", "a", "x"))["b"] == ["halves.high"]


def test_feeds_cut_off_what_only_they_need(plan):
    found = plan("last", feeds=["a"])
    assert found.paths == ("halves", "b", "last")
    assert found.cut == ("a",)
    assert found.inputs == ("x",)  # which b adds
    assert plan("last", feeds=["a", "b"]).inputs == ()


def test_a_feed_of_one_port_leaves_the_node_to_those_that_need_the_other(plan):
    found = plan("last", feeds=["halves.low"])
    assert found.paths == ("a", "halves", "b", "last")
    assert keeps(found)["halves"] == ["halves.high"]
    assert releases(found)["last"] == ["b", "halves.low"]
    assert plan("last", feeds=["halves.low", "halves.high"]).paths == ("a", "b", "last")


def test_a_target_that_is_fed_runs_nothing(plan):
    found = plan("last", feeds=["last"])
    assert found.paths == ()
    assert found.cut == ("last", "halves", "b", "a")


def test_feeds_that_nothing_needs_are_not_used(plan):
    found = plan("a", feeds=["b", "last"])
    assert found.used_feeds == ()
    assert len(found.feeds) == 2


def test_a_tap_needs_its_node_even_where_its_output_is_fed(plan):
    found = plan("b:inner", feeds=["b"])
    assert found.paths[-1] == "b"
    assert found.steps[-1].taps == ("inner",)
    assert found.steps[-1].keeps == ()


def test_parts_of_inputs_are_read_by_themselves(plan):
    assert [str(slot) for slot in plan("boxes").input_slots] == ["batch.output_sizes"]
    assert plan("boxes").inputs == ("batch",)
    assert [str(slot) for slot in plan("both").input_slots] == ["batch", "batch.output_sizes"]


def test_a_plan_without_targets_runs_nothing(plan):
    assert plan().paths == ()


def test_a_plan_can_be_printed(plan):
    assert str(plan("last", feeds=["a", "boxes"])) == (
        "plan for last (inference)\n"
        "  inputs: x\n"
        "  feeds: a, boxes (not needed)\n"
        "    1 halves  split\n"
        "    2 b       total             releases a, halves.high, x\n"
        "    3 last    add               releases b, halves.low\n"
        "  cut off by feeds: a\n"
        "  not run: boxes, both"
    )
    assert str(plan()).startswith("plan for nothing (inference)")


def test_a_plan_cannot_be_changed(plan):
    with pytest.raises(AttributeError):
        plan("a").steps = ()
