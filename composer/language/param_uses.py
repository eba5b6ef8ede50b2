"""Finds where the params of a spec go, so that a saved document keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from composer.documents import Located


def find_param_uses(
    root: Located, params: Mapping[str, Located], inlined: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """The addresses that have their value from a param of the whole graph.

    Args:
        root: the document of a spec, params put in place.
        params: the params' values by address.
        inlined: params that stand inside of longer texts, by address.

    Returns:
        Addresses of configuration by param, and of the image settings of inputs
        (`inputs.batch.image.shortest_edge`). Params that go to anything else are left out.
    """
    search = _Search(params)
    search.spoiled |= {search.origin(address) for address in inlined}
    search.visit(root, "")
    return {p: tuple(found) for p, found in search.uses.items() if p not in search.spoiled}


INPUTS, IMAGE = "inputs", "image"


class _Search:
    def __init__(self, params: Mapping[str, Located]) -> None:
        self.params = params
        self.uses: dict[str, list[str]] = {}
        self.spoiled: set[str] = set()

    def origin(self, address: str) -> str:
        """The param of the whole graph that a param has its value from; empty if there is none."""
        while "." in address and address in self.params:
            address = self.params[address].param
        return address if address in self.params else ""

    def visit(self, item: Located, path: str) -> None:
        """Looks through a graph or a node."""
        for key, value in item.entries():
            if key == "nodes":
                for name, node in value.entries():
                    self.visit(node, f"{path}.{name}" if path else name)
            elif key == "with" and value.is_mapping:
                self.note_uses(value, path)
            elif key == INPUTS and value.is_mapping and not path:
                for name, declared in value.entries():
                    self.visit_input(declared, f"{INPUTS}.{name}")
            else:
                self.spoil(value)

    def visit_input(self, declared: Located, path: str) -> None:
        """Looks through an input of the whole graph."""
        for key, value in declared.entries() if declared.is_mapping else ():
            if key == IMAGE and value.is_mapping:
                self.note_uses(value, f"{path}.{IMAGE}")
            else:
                self.spoil(value)

    def note_uses(self, values: Located, path: str) -> None:
        """Notes from which params values come."""
        for name, configured in values.entries():
            origin = self.origin(configured.param)
            if origin:
                self.uses.setdefault(origin, []).append(f"{path}.{name}")
            else:
                self.spoil(configured)

    def spoil(self, item: Located) -> None:
        self.spoiled |= {self.origin(inner.param) for inner in _walk(item) if inner.param}


def _walk(item: Located) -> Iterator[Located]:
    yield item
    members = item.value.values() if item.is_mapping else item.value
    for member in members if isinstance(item.value, (dict, list)) else ():
        yield from _walk(member)
