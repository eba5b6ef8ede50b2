"""Turns what users write (`mask_pooler`, `roi_heads.detections.boxes`, `backbone`) into slots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from composer.blueprint.nodes import Endpoint, GraphInput, Node, Slot
from composer.errors import InputError, NameResolutionError
from composer.language import Mode
from composer.names import NameIndex, describe_unresolved, did_you_mean


@dataclass(frozen=True)
class Target:
    """Something a run can be asked for.

    Args:
        name: its full name.
        endpoint: the slots it consists of.
        tap: dotted name of a module inside the node, or empty.
    """

    name: str
    endpoint: Endpoint
    tap: str = ""

    @property
    def slot(self) -> Slot:
        """The only slot, where there is one."""
        return self.endpoint.slots[0]

    def fed_slot(self) -> Slot:
        """The slot that a plain value for the target fills: of a node, its first output.

        Raises:
            InputError: if the target cannot be given.
        """
        if self.tap:
            raise InputError(f"'{self.name}': a tap can be read, not replaced; replace its node")
        if self.endpoint.gathers:
            names = ", ".join(str(slot) for slot in self.endpoint.slots)
            raise InputError(f"'{self.name}' stands for several values; replace one of: {names}")
        return self.slot


class AddressBook:
    """The names of one mode: paths of nodes and nested graphs, their ports, and inputs.

    Args:
        mode: the mode.
        inputs: the graph's inputs by name.
        nodes: the nodes of the mode by path.
        groups: the outputs of each nested graph, by path and name.
        list_others: lists the books of other modes, for messages.
    """

    def __init__(
        self,
        mode: Mode,
        inputs: Mapping[str, GraphInput],
        nodes: Mapping[str, Node],
        groups: Mapping[str, Mapping[str, Endpoint]],
        list_others: Callable[[], Iterable[AddressBook]] = tuple,
    ) -> None:
        self._list_others = list_others
        self.mode, self.nodes, self.groups = mode, nodes, groups
        self.paths: dict[str, Endpoint] = {}
        self.ports: dict[str, Endpoint] = {}
        self._resolved: dict[str, Target] = {}
        for point in inputs.values():
            self.paths[point.name] = Endpoint((point.slot,))
            for part in point.parts:
                self.ports[f"{point.name}.{part}"] = Endpoint((Slot(point.name, part),))
        for path, outputs in groups.items():
            for name, endpoint in outputs.items():
                self.paths.setdefault(path, endpoint)
                self.ports.setdefault(f"{path}.{name}", endpoint)
        for node in nodes.values():
            slots = node.slots
            self.paths[node.path] = Endpoint((slots[0],))
            for slot in slots:
                self.ports[f"{slot.path}.{slot.port}"] = Endpoint((slot,))

    def resolve(self, text: str) -> Target:
        """Finds what a full name or a unique suffix of one means.

        Args:
            text: a path, `path.port`, or `path:module` for a tap.

        Raises:
            NameResolutionError: if it means nothing, or several things.
        """
        check_names([text])
        if text not in self._resolved:
            self._resolved[text] = self._find(text)
        return self._resolved[text]

    def resolve_node(self, text: str) -> str:
        """The path of the node or nested graph that a name means.

        Raises:
            NameResolutionError: if there is none.
        """
        check_names([text])
        if text in self.nodes or text in self.groups:
            return text
        return self._node_index.resolve(text)

    def nodes_below(self, path: str) -> list[str]:
        """The nodes at or below a path, in the order of the spec."""
        return [p for p in self.nodes if not path or p == path or p.startswith(f"{path}.")]

    def fed_slots(self, target: Target) -> tuple[Slot, ...]:
        """All slots that a feed of a whole node may fill; else the target's own."""
        node = self.nodes.get(target.name)
        return target.endpoint.slots if node is None else node.slots

    def endpoints(self) -> Iterable[str]:
        """Every full name."""
        return [*self.paths, *self.ports]

    @cached_property
    def _node_index(self) -> NameIndex:
        return NameIndex([*self.nodes, *self.groups])

    @cached_property
    def _path_index(self) -> NameIndex:
        return NameIndex(self.paths)

    @cached_property
    def _port_index(self) -> NameIndex:
        return NameIndex(self.ports)

    def _find(self, text: str) -> Target:
        name, colon, tap = text.partition(":")
        if colon and not tap:
            raise NameResolutionError(f"'{text}' names no module after the colon")
        for names in (self.paths, self.ports):
            if name in names:
                return self._target(name, names[name], tap)
        for names, index in ((self.paths, self._path_index), (self.ports, self._port_index)):
            found = index.find(name)
            if len(found) == 1:
                return self._target(found[0], names[found[0]], tap)
            if found:
                raise NameResolutionError(describe_unresolved(name, found, names)[0])
        raise NameResolutionError(self._unknown(name))

    def _target(self, name: str, endpoint: Endpoint, tap: str) -> Target:
        if tap and name not in self.nodes:
            raise NameResolutionError(f"'{name}:{tap}': a tap is inside a node; '{name}' is none")
        full = f"{name}:{tap}" if tap else name
        return Target(full, endpoint, tap)

    def _unknown(self, name: str) -> str:
        if name in self.groups:
            below = ", ".join(self.nodes_below(name)[:8])
            return f"the nested graph '{name}' has no outputs; name one of its nodes: {below}"
        if "/" in name:
            return f"'{name}' is no node"
        failure = f"there is no node, port or input '{name}' in {self.mode} mode"
        for book in self._list_others():
            if found := book.find_alone(name, self):
                return f"{failure}; in {book.mode} mode there is '{found}'"
        leaf = name.rpartition(".")[2]
        short = {path.rpartition(".")[2]: path for path in self.paths}
        hint = did_you_mean(name, self.endpoints())
        if not hint.startswith("Did") and leaf:
            hint = did_you_mean(leaf, short, "nodes")
        return f"{failure}. {hint}"

    def find_alone(self, name: str, other: AddressBook) -> str:
        """What a name, or what comes before its last dots, means here and not in another book.

        Empty if it means nothing, several things, or something there as well.
        """
        while name:
            for index in (self._path_index, self._port_index):
                found = index.find(name)
                if len(found) == 1:
                    elsewhere = found[0] in other.paths or found[0] in other.ports
                    return "" if elsewhere else found[0]
            name = name.rpartition(".")[0]
        return ""


def check_names(names: object) -> list[str]:
    """The names of nodes and ports in a list.

    Raises:
        InputError: if they are no list of texts.
    """
    found: list[Any]
    found = list(names) if isinstance(names, Iterable) and not isinstance(names, bytes) else [names]
    for name in found:
        if not isinstance(name, str):
            shown = repr(name) if isinstance(name, (int, float)) else ""
            raise InputError(
                f"nodes and ports are named by texts, not {type(name).__name__} {shown}".rstrip()
            )
    return found
