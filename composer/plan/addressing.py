"""Turns what users write (`mask_pooler`, `roi_heads.detections.boxes`, `backbone`) into slots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from composer.errors import NameResolutionError
from composer.names import did_you_mean
from composer.plan.wiring import Endpoint, Slot, Wiring


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


class AddressBook:
    """The names of one wiring: paths of nodes and nested graphs, their ports, and inputs."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.paths: dict[str, Endpoint] = {}
        self.ports: dict[str, Endpoint] = {}
        for point in wiring.inputs.values():
            self.paths[point.name] = Endpoint((point.slot,))
            for part in point.parts:
                self.ports[f"{point.name}.{part}"] = Endpoint((Slot(point.name, part),))
        for path, outputs in wiring.groups.items():
            for name, endpoint in outputs.items():
                self.paths.setdefault(path, endpoint)
                self.ports.setdefault(f"{path}.{name}", endpoint)
        for call in wiring.calls.values():
            self.paths[call.path] = Endpoint((call.slots[0],))
            for slot in call.slots:
                self.ports[f"{slot.path}.{slot.port}"] = Endpoint((slot,))

    def resolve(self, text: str) -> Target:
        """Finds what a full name or a unique suffix of one means.

        Args:
            text: a path, `path.port`, or `path:module` for a tap.

        Raises:
            NameResolutionError: if it means nothing, or several things.
        """
        name, colon, tap = text.partition(":")
        if colon and not tap:
            raise NameResolutionError(f"'{text}' names no module after the colon")
        for names in (self.paths, self.ports):
            if name in names:
                return self._target(name, names[name], tap)
        for names in (self.paths, self.ports):
            found = sorted(full for full in names if full.endswith(f".{name}"))
            if len(found) == 1:
                return self._target(found[0], names[found[0]], tap)
            if found:
                listing = ", ".join(found)
                raise NameResolutionError(f"'{name}' is ambiguous; it could be {listing}")
        raise NameResolutionError(self._unknown(name))

    def resolve_node(self, text: str) -> str:
        """The path of the node or nested graph that a name means.

        Raises:
            NameResolutionError: if there is none.
        """
        paths = [*self.wiring.calls, *self.wiring.groups]
        found = [path for path in paths if path == text] or sorted(
            path for path in paths if path.endswith(f".{text}")
        )
        if len(found) == 1:
            return found[0]
        if found:
            raise NameResolutionError(f"'{text}' is ambiguous; it could be {', '.join(found)}")
        raise NameResolutionError(f"there is no node '{text}'. {did_you_mean(text, paths)}")

    def nodes_below(self, path: str) -> list[str]:
        """The nodes at or below a path, in the order of the spec."""
        calls = self.wiring.calls
        return [p for p in calls if not path or p == path or p.startswith(f"{path}.")]

    def endpoints(self) -> Iterable[str]:
        """Every full name."""
        return [*self.paths, *self.ports]

    def _target(self, name: str, endpoint: Endpoint, tap: str) -> Target:
        if tap and name not in self.wiring.calls:
            raise NameResolutionError(f"'{name}:{tap}': a tap is inside a node; '{name}' is none")
        full = f"{name}:{tap}" if tap else name
        return Target(full, endpoint, tap)

    def _unknown(self, name: str) -> str:
        if name in self.wiring.groups:
            below = ", ".join(self.nodes_below(name)[:8])
            return f"the nested graph '{name}' has no outputs; name one of its nodes: {below}"
        if "/" in name:
            return f"'{name}' is no node"
        leaf = name.rpartition(".")[2]
        short = {path.rpartition(".")[2]: path for path in self.paths}
        hint = did_you_mean(name, self.endpoints())
        if not hint.startswith("Did") and leaf:
            hint = did_you_mean(leaf, short, "nodes")
        mode = self.wiring.mode
        return f"there is no node, port or input '{name}' in {mode} mode. {hint}"


def fed_slots(target: Target, wiring: Wiring) -> tuple[Slot, ...]:
    """All slots that a feed of a whole node may fill; for anything else the target's own."""
    call = wiring.calls.get(target.name)
    return call.slots if call is not None else target.endpoint.slots
