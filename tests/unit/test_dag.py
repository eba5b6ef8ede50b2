"""Ancestors, descendants, orders and cycles, against what networkx says on random graphs."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.dag import affected, find_cycles, layers, needed, order

vertices = st.integers(0, 7)
edges = st.lists(st.tuples(vertices, vertices), max_size=20)


def graph_of(pairs, *, acyclic):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(8))
    graph.add_edges_from((min(pair), max(pair)) if acyclic else pair for pair in pairs)
    if acyclic:
        graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return graph


@given(edges, st.sets(vertices), st.sets(vertices))
def test_what_is_needed_is_reached_backwards_without_passing_a_cut(pairs, targets, cuts):
    graph = graph_of(pairs, acyclic=True)
    open_ways = graph.copy()
    open_ways.remove_edges_from([(a, b) for a, b in graph.edges if b in cuts])
    expected = set(targets).union(*(nx.ancestors(open_ways, target) for target in targets))
    assert needed(graph, targets, cuts) == expected


@given(edges, st.sets(vertices), st.sets(vertices))
def test_what_is_affected_is_reached_forwards_without_passing_a_stop(pairs, changed, stops):
    graph = graph_of(pairs, acyclic=True)
    open_ways = graph.copy()
    open_ways.remove_edges_from([(a, b) for a, b in graph.edges if b in stops])
    expected = set().union(*(nx.descendants(open_ways, vertex) for vertex in changed))
    assert affected(graph, changed, stops) == expected - changed


@given(edges, st.sets(vertices), st.permutations(range(8)))
def test_an_order_puts_needs_first_and_ranks_second(pairs, part, ranks):
    graph = graph_of(pairs, acyclic=True)
    rank = dict(enumerate(ranks))
    found = order(graph, part, rank)
    assert set(found) == part
    place = {vertex: index for index, vertex in enumerate(found)}
    inner = graph.subgraph(part)
    assert all(place[a] < place[b] for a, b in inner.edges)
    done = set()
    for vertex in found:  # of all that could have come here, it has the smallest rank
        ready = [v for v in part - done if done.issuperset(inner.predecessors(v))]
        assert rank[vertex] == min(rank[v] for v in ready)
        done.add(vertex)


@given(edges)
def test_a_layer_is_the_length_of_the_longest_way(pairs):
    graph = graph_of(pairs, acyclic=True)
    found = layers(graph)
    for vertex in graph:
        before = [found[other] for other in graph.predecessors(vertex)]
        assert found[vertex] == (max(before) + 1 if before else 0)


@given(edges)
def test_every_part_with_cycles_shows_one_that_begins_with_its_first_vertex(pairs):
    graph = graph_of(pairs, acyclic=False)
    cycles = find_cycles(graph)
    for cycle in cycles:
        assert len(set(cycle)) == len(cycle)
        assert all(graph.has_edge(a, b) for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    parts = [
        part
        for part in nx.strongly_connected_components(graph)
        if len(part) > 1 or graph.has_edge(*list(part) * 2)
    ]
    assert sorted(cycle[0] for cycle in cycles) == sorted(min(part) for part in parts)
    assert [cycle[0] for cycle in cycles] == sorted(cycle[0] for cycle in cycles)
    assert bool(cycles) != nx.is_directed_acyclic_graph(graph)


@pytest.mark.parametrize("function", [needed, affected])
def test_nothing_needs_or_affects_nothing(function):
    assert function(nx.DiGraph(), []) == set()
