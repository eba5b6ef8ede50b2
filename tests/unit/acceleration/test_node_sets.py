"""Sets of nodes: connected, convex, and as large as they can be."""

from types import SimpleNamespace

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer import InputError
from composer.acceleration import find_sets, group_named, is_convex


def dependencies_of(edges, nodes=()):
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(edges)
    names = dict.fromkeys(nx.lexicographical_topological_sort(graph))
    rank = {name: index for index, name in enumerate(names)}
    return SimpleNamespace(between_nodes=graph, nodes=names, rank=rank)


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 9))
    names = [f"n{index}" for index in range(count)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=14)) if pairs else []
    taken = draw(st.sets(st.sampled_from(names)))
    return dependencies_of(edges, names), taken


def has_way_back(graph, nodes):
    """By definition: some path between two of the nodes passes through another node."""
    outside = graph.copy()
    for path in set(graph) - set(nodes):
        if nx.ancestors(outside, path) & nodes and nx.descendants(outside, path) & nodes:
            return True
    return False


@given(graphs())
def test_sets_are_convex_connected_and_cannot_be_joined(case):
    dependencies, taken = case
    graph = dependencies.between_nodes
    sets = [set(nodes) for nodes in find_sets(dependencies, taken.__contains__)]
    assert sum(map(len, sets)) == len(taken)
    assert set().union(*sets) == taken
    for nodes in sets:
        assert nx.is_weakly_connected(graph.subgraph(nodes))
        assert not has_way_back(graph, nodes)
        for other in sets:
            touches = nx.is_weakly_connected(graph.subgraph(nodes | other))
            assert other is nodes or not touches or has_way_back(graph, nodes | other)


@given(graphs())
def test_convexity_is_that_no_path_leaves_and_comes_back(case):
    dependencies, taken = case
    assert is_convex(dependencies, taken) != has_way_back(dependencies.between_nodes, taken)


def test_a_path_around_the_taken_nodes_divides_them_where_most_are_left():
    dependencies = dependencies_of(
        [*["ab", "ax", "xc", "bc", "cd"]][:0]
        or [("a", "b"), ("a", "x"), ("x", "c"), ("b", "c"), ("c", "d")]
    )
    assert find_sets(dependencies, set("abcd").__contains__) == [("a",), ("b", "c", "d")]


def test_nodes_come_in_the_order_in_which_they_run():
    dependencies = dependencies_of([("c", "a"), ("a", "b")])
    assert find_sets(dependencies, set("abc").__contains__) == [("c", "a", "b")]


def test_named_nodes_are_grouped_by_their_connections():
    dependencies = dependencies_of([("a", "b"), ("b", "x"), ("x", "c"), ("c", "d")])
    assert group_named(dependencies, set("abcd")) == [("a", "b"), ("c", "d")]


def test_named_nodes_that_a_path_leaves_are_refused_with_the_path():
    dependencies = dependencies_of([("a", "b"), ("a", "x"), ("x", "y"), ("y", "b")])
    with pytest.raises(InputError, match=r"a -> x -> y -> b leaves them") as raised:
        group_named(dependencies, ["a", "b"])
    assert "Name 'x', 'y' too" in str(raised.value)
