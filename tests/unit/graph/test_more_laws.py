"""More laws of partial execution: what nodes may not change, what lives how long, sessions."""

import gc
import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from composer import Graph, NameResolutionError
from composer.structures import iterate_tensors
from sample_nodes import NODES
from strategies.random_graphs import MODES, random_graphs

SEED = 11
modes = st.sampled_from(MODES)


def batch():
    return torch.arange(6.0).reshape(2, 3) - 2.5


@given(drawn=random_graphs(), mode=modes, training=st.booleans())
def test_no_node_changes_what_it_receives(drawn, mode, training):
    graph, addresses = drawn.build().train(training), drawn.outputs[mode]
    if not addresses:
        return
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def keep(path, values):
        seen.extend((tensor, tensor.detach().clone()) for tensor in iterate_tensors(dict(values)))

    with graph.add_hook(keep, "before"), graph.add_hook(keep, "after"):
        graph.run(batch(), until=addresses, mode=mode, seed=SEED)
    assert all(torch.equal(tensor, before) for tensor, before in seen)


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_as_many_values_live_as_the_plan_says(drawn, mode, data):
    graph, addresses = drawn.build(), drawn.outputs[mode]
    if not addresses:
        return
    targets = data.draw(st.lists(st.sampled_from(addresses), min_size=1, max_size=2, unique=True))
    steps = iter(graph.plan(targets, mode=mode).steps)
    made: dict[object, weakref.ref] = {}
    expected: set[object] = set()
    current = [next(steps)]

    def before(path, _inputs):
        assert current[0].node.path == path
        alive = {slot for slot, value in made.items() if value() is not None}
        assert alive == expected

    def after(path, outputs):
        step = current[0]
        made.update({slot: weakref.ref(outputs[slot.port]) for _, slot in step.keeps})
        expected.update(slot for _, slot in step.keeps)
        expected.difference_update(step.releases)
        current[0] = next(steps, None)

    gc.disable()  # a value goes with its last reference, not when rubbish is collected
    try:
        with torch.no_grad(), graph.add_hook(before, "before"), graph.add_hook(after, "after"):
            result = graph.run(batch(), until=targets, mode=mode, seed=SEED)
        alive = {slot for slot, value in made.items() if value() is not None}
    finally:
        gc.enable()
    assert alive == expected
    assert len(result) == len(targets)


@given(drawn=random_graphs(), mode=modes, data=st.data())
def test_training_mode_of_modules_keeps_the_law_too(drawn, mode, data):
    graph, addresses = drawn.build().train(), drawn.outputs[mode]
    if not addresses:
        return
    values = graph.run(batch(), until=addresses, mode=mode, seed=SEED)
    kept = data.draw(st.lists(st.sampled_from(addresses), max_size=3, unique=True))
    rest = graph.run(
        batch(), until=addresses, feeds={name: values[name] for name in kept}, mode=mode, seed=SEED
    )
    assert all(torch.equal(rest[name], values[name]) for name in addresses)


@given(drawn=random_graphs(), data=st.data())
def test_a_suffix_means_one_thing_or_lists_its_candidates(drawn, data):
    graph = drawn.build()
    for path in drawn.outputs["inference"]:
        steps = path.split(".")
        name = ".".join(steps[data.draw(st.integers(0, len(steps) - 1)) :])
        candidates = [
            other for other in drawn.outputs["inference"] if f".{other}".endswith(f".{name}")
        ]
        if len(candidates) == 1 or name in candidates:
            target = graph.plan(name, mode="inference").targets[0]
            assert f".{target.name}".endswith(f".{name}")
            continue
        with pytest.raises(NameResolutionError) as caught:
            graph.plan(name, mode="inference")
        assert all(candidate in str(caught.value) for candidate in candidates)


class SessionMachine(RuleBasedStateMachine):
    """A session, compared with fresh runs that are given what was replaced."""

    @initialize(drawn=random_graphs(max_nodes=6), mode=modes)
    def begin(self, drawn, mode):
        self.graph: Graph = drawn.build()
        self.mode, self.addresses = mode, drawn.outputs[mode]
        self.session = self.graph.session(batch(), mode=mode, seed=SEED)
        self.replaced: dict[str, torch.Tensor] = {}

    def fresh(self, address):
        return self.graph.run(
            batch(), until=address, feeds=self.replaced, mode=self.mode, seed=SEED
        )

    @precondition(lambda self: self.addresses)
    @rule(data=st.data())
    def get(self, data):
        address = data.draw(st.sampled_from(self.addresses))
        assert torch.equal(self.session[address], self.fresh(address))

    @precondition(lambda self: self.addresses)
    @rule(data=st.data(), number=st.integers(-2, 2))
    def replace(self, data, number):
        address = data.draw(st.sampled_from(self.addresses))
        self.session[address] = self.replaced[address] = torch.full((2, 3), float(number))

    @rule(number=st.integers(-2, 2))
    def replace_the_input(self, number):
        self.session["x"] = self.replaced["x"] = torch.full((2, 3), float(number))

    @precondition(lambda self: self.replaced)
    @rule(data=st.data())
    def take_back(self, data):
        address = data.draw(st.sampled_from(sorted(self.replaced)))
        del self.session[address]
        del self.replaced[address]

    @precondition(lambda self: self.addresses)
    @rule(data=st.data())
    def get_again_runs_nothing(self, data):
        address = data.draw(st.sampled_from(self.addresses))
        self.session[address]
        ran = []
        with self.graph.add_hook(lambda path, _: ran.append(path), "before"):
            self.session[address]
        assert ran == []

    @invariant()
    def every_value_that_is_kept_is_true(self):
        for address in getattr(self, "addresses", []):
            if address in self.session:
                assert torch.equal(self.session[address], self.fresh(address))


TestSessions = SessionMachine.TestCase
TestSessions.settings = settings(stateful_step_count=10)


def test_an_ambiguous_end_lists_what_it_could_be():
    group = {"inputs": {"x": "x"}, "nodes": {"n": {"uses": "shift", "inputs": {"x": "x"}}}}
    document = {"composer": 1, "inputs": {"x": "any"}, "nodes": {"g": group, "h": group}}
    graph = Graph.from_spec(document, nodes=NODES)
    with pytest.raises(NameResolutionError, match=r"'n' is ambiguous; it could be g\.n, h\.n"):
        graph.run(batch(), until="n")
