"""Diagrams to draw: small ones by hand, and any that hypothesis thinks of."""

from hypothesis import strategies as st

from composer.draw.diagram import Box, Diagram, Link

GROUPS = ["", "left", "right", "left.inner"]


def make_box(path, kind="node", state="plain", type_="kind", plugin="a-plugin"):
    group, _, title = path.rpartition(".")
    return Box(path, title, type_, kind, group, plugin, state)


def make_diagram_of(paths, links, **options):
    """A diagram of nodes by path and of links as (tail, head) or (tail, port, head)."""
    boxes = {path: make_box(path) for path in paths}
    found = [
        Link(link[0], link[1] if len(link) == 3 else "", link[-1], "x", True) for link in links
    ]
    groups = {path.rpartition(".")[0] for path in paths} - {""}
    groups |= {group.rpartition(".")[0] for group in groups} - {""}
    ordered = tuple(sorted(groups, key=lambda path: (path.count("."), path)))
    return Diagram("title", "", boxes, tuple(found), ordered, is_partial=False, **options)


@st.composite
def diagrams(draw):
    """Any graph without cycles, its nodes in any nested graphs."""
    count = draw(st.integers(1, 9))
    homes = draw(st.lists(st.sampled_from(GROUPS), min_size=count, max_size=count))
    paths = [f"{home}.node_{i}".lstrip(".") for i, home in enumerate(homes)]
    pairs = [(i, j) for j in range(count) for i in range(j)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=16)) if pairs else []
    ports = draw(st.lists(st.sampled_from(["", "boxes", "scores"]), min_size=16, max_size=16))
    links = [(paths[i], port, paths[j]) for (i, j), port in zip(chosen, ports, strict=False)]
    return make_diagram_of(paths, links)
