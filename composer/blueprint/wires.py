"""Follows the wires of a spec through its nested graphs to the slots that values come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from composer.blueprint.nodes import WHOLE, Endpoint, Slot
from composer.blueprint.scopes import Scope
from composer.documents import ProblemLog
from composer.language import Mode, NodeSpec, Reference, WireSpec
from composer.names import did_you_mean

_MAX_GATHERED = 100_000


@dataclass(frozen=True)
class _End:
    """An output of a nested graph, or an input of one.

    Args:
        scope: the nested graph.
        name: the name of the output or input.
        is_output: which of the two it is.
    """

    scope: Scope = field(compare=False)
    name: str
    is_output: bool
    path: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.scope.path)

    def __str__(self) -> str:
        return f"{self.path}.{self.name}"

    @property
    def wire(self) -> WireSpec:
        """The wire that leads there."""
        return (self.scope.graph.outputs if self.is_output else self.scope.inputs)[self.name]

    @property
    def home(self) -> Scope:
        """The graph that the wire belongs to."""
        return self.scope if self.is_output or self.scope.outer is None else self.scope.outer


class Wires:
    """Follows the wires of one mode.

    Attributes:
        arguments: for each node that exists in the mode, what its input ports get.
        outputs: the graph's outputs.
        groups: the outputs of each nested graph by its path.
    """

    def __init__(self, root: Scope, mode: Mode, log: ProblemLog) -> None:
        self.root, self.mode, self.log = root, mode, log
        self.arguments: dict[str, dict[str, Endpoint]] = {}
        self.outputs: dict[str, Endpoint] = {}
        self.groups: dict[str, dict[str, Endpoint]] = {}
        self.num_gathered = 0  # values of all lists of wires
        self._ends: dict[_End, Endpoint | None] = {}
        self._pending: list[tuple[_End, Reference]] = []

    def follow_all(self) -> None:
        """Follows every wire of the mode."""
        self._visit(self.root)
        self.outputs = self._endpoints(self.root.graph.outputs, self.root)

    def _exists(self, node: NodeSpec) -> bool:
        return node.when in (None, self.mode)

    def _visit(self, scope: Scope) -> None:
        for node in scope.graph.nodes.values():
            if not self._exists(node):
                continue
            if node.graph is not None:
                inner = scope.nested(node)
                self.groups[inner.path] = {}
                self._visit(inner)
                self.groups[inner.path] = self._endpoints(inner.graph.outputs, inner)
            elif not node.faulty:
                self.arguments[scope.join(node.name)] = self._endpoints(node.inputs, scope)

    def _endpoints(self, wires: Mapping[str, WireSpec], scope: Scope) -> dict[str, Endpoint]:
        found = {name: self._settled(wire, scope) for name, wire in wires.items()}
        return {name: endpoint for name, endpoint in found.items() if endpoint is not None}

    def _settled(self, wire: WireSpec, scope: Scope) -> Endpoint | None:
        """What a wire leads to, once all ends on the way are known."""
        found = self._wire(wire, scope)
        while self._pending:
            self._settle([end for end, _ in self._pending])
            found = self._wire(wire, scope)
        return found

    def _settle(self, ends: list[_End]) -> None:
        """Follows the wires of some ends, and of all that they need; without recursion.

        Each is followed once, however often it is used: outputs that gather outputs of nested
        graphs would double the work with each of them.
        """
        self._pending = []
        stack, trail = ends, dict[_End, None]()
        while stack:
            end = stack[-1]
            if end not in self._ends:
                trail[end] = None
                found = self._wire(end.wire, end.home)
                needed, self._pending = self._pending, []
                if not needed:
                    self._ends[end] = found
                for other, reference in needed:
                    if other in trail:
                        self._ends[other] = self._ring(other, trail, reference)
                stack += [other for other, _ in needed if other not in self._ends]
                if needed:
                    continue
            trail.pop(end, None)
            stack.pop()

    def _ring(self, end: _End, trail: Iterable[_End], reference: Reference) -> Endpoint:
        """An output whose wire leads back to itself, which is noted."""
        ends = list(trail)
        names = [str(each) for each in ends[ends.index(end) :] if each.is_output]
        ring = " -> ".join([*names, names[0]])
        return self._faulty(reference, f"outputs refer to each other in a ring: {ring}")

    def _follow(self, end: _End, reference: Reference) -> Endpoint | None:
        """What an end leads to, if that is known; else it is pending."""
        if end not in self._ends:
            self._pending.append((end, reference))
        return self._ends.get(end, Endpoint(()))

    def _wire(self, spec: WireSpec, scope: Scope) -> Endpoint | None:
        """What a wire leads to; None if that is nothing in this mode."""
        ends: list[Endpoint] = []
        for reference in spec.references.get(self.mode, ()):
            found = self._resolve(reference, scope)
            if found is not None:
                ends.append(found)
        if spec.faulty or () in [end.slots for end in ends]:
            return Endpoint((), place=spec.place)
        if not ends:
            return None
        slots = tuple([slot for end in ends for slot in end.slots])
        if len(slots) > 1 and not self._pending and self._is_too_much(len(slots), spec):
            return Endpoint((), place=spec.place)
        return Endpoint(
            slots=slots,
            gathers=self.mode in spec.gathers or ends[0].gathers,
            place=spec.place,
            references=tuple([each for end in ends for each in end.references]),
        )

    def _is_too_much(self, count: int, spec: WireSpec) -> bool:
        """Whether lists of wires lead to more values than any model has; notes it once."""
        is_first = self.num_gathered <= _MAX_GATHERED
        self.num_gathered += count
        if self.num_gathered > _MAX_GATHERED and is_first:
            message = f"the lists of wires lead to more than {_MAX_GATHERED} values"
            self.log.add(spec.place, message)
        return self.num_gathered > _MAX_GATHERED

    def _resolve(self, reference: Reference, scope: Scope) -> Endpoint | None:
        """Where a reference leads: None for an input left open, no slot where a note was made."""
        first, *rest = reference.text.split(".")
        if first in scope.graph.nodes:
            return self._below(scope, [first, *rest], reference)
        if first in scope.inputs:
            return self._outside(scope, first, rest, reference)
        if first in scope.graph.inputs:
            return _endpoint(reference, Slot(first, ".".join(rest) or WHOLE))
        deleted = scope.graph.deleted.get(first)
        if deleted is not None and deleted.source != reference.place.source:
            self.log.add_deletion(deleted, f"'{scope.join(first)}'", reference.place)
            return _endpoint(reference)
        where = f" in '{scope.path}'" if scope.path else ""
        message = f"there is no node or input '{first}'{where}"
        return self._faulty(reference, message, lambda: _hint_for_unknown(first, scope))

    def _faulty(
        self, reference: Reference, message: str, hint: str | Callable[[], str] = ""
    ) -> Endpoint:
        self.log.add(reference.place, message, hint)
        return _endpoint(reference)

    def _outside(
        self, scope: Scope, name: str, rest: list[str], reference: Reference
    ) -> Endpoint | None:
        """An input of a nested graph: what its wire leads to in the graph around it."""
        found = self._follow(_End(scope, name, is_output=False), reference)
        if found is None or not found.slots:
            return found
        slots = found.slots
        if rest:
            if found.gathers or len(rest) > 1 or slots[0].port != WHOLE:
                port = ".".join(rest)
                return self._faulty(reference, f"the input '{name}' has no port '{port}'")
            slots = (slots[0]._replace(port=rest[0]),)
        origins = [each.origin or each.place for each in found.references]
        led = {origin: replace(reference, origin=origin) for origin in set(origins)}
        references = tuple([led[origin] for origin in origins])
        return replace(found, slots=slots, place=reference.place, references=references)

    def _below(self, scope: Scope, names: list[str], reference: Reference) -> Endpoint | None:
        """A node of this graph or of one nested in it, with an optional port."""
        node = scope.graph.nodes[names[0]]
        path, rest = scope.join(names[0]), names[1:]
        if node.faulty:
            return _endpoint(reference)
        if not self._exists(node):
            other = "inference" if self.mode == "training" else "training"
            hint = f"Give a wire for each mode: {{{other}: {reference.text}, {self.mode}: ...}}."
            message = f"node '{path}' does not exist in {self.mode} mode (when: {node.when})"
            return self._faulty(reference, message, hint)
        if node.graph is None:
            if len(rest) > 1:
                return self._faulty(reference, f"'{path}' is a single node: a port has one name")
            return _endpoint(reference, Slot(path, rest[0] if rest else WHOLE))
        inner = scope.nested(node)
        if rest and rest[0] in inner.graph.nodes:
            return self._below(inner, rest, reference)
        return self._group_output(inner, rest, reference)

    def _group_output(self, scope: Scope, rest: list[str], reference: Reference) -> Endpoint | None:
        """An output of a nested graph: the named one, or the first that this mode has."""
        outputs = scope.graph.outputs
        here = [n for n, wire in outputs.items() if wire.faulty or self.mode in wire.references]
        if rest and rest[0] not in here:
            where = f" in {self.mode} mode" if rest[0] in outputs else ""
            message = f"'{scope.path}' has no node or output '{rest[0]}'{where}"
            names = (each for group in (here, scope.graph.nodes) for each in group)
            return self._faulty(
                reference, message, lambda: did_you_mean(rest[0], names, "names to choose from")
            )
        if len(rest) > 1:
            message = f"the output '{scope.path}.{rest[0]}' has no port '{'.'.join(rest[1:])}'"
            return self._faulty(reference, message)
        if not here:
            hint = "Name one of its nodes, or give it 'outputs'."
            where = f" in {self.mode} mode" if outputs else ""
            message = f"the nested graph '{scope.path}' has no outputs{where}"
            return self._faulty(reference, message, hint)
        end = _End(scope, rest[0] if rest else here[0], is_output=True)
        found = self._follow(end, reference)
        if found is None:
            return None
        origins = dict.fromkeys(each.origin for each in found.references)
        led = {origin: replace(reference, origin=origin) for origin in origins}
        references = tuple([led[each.origin] for each in found.references])
        return replace(found, place=reference.place, references=references)


def _hint_for_unknown(name: str, scope: Scope) -> str:
    hint = did_you_mean(name, scope.names(), "names to choose from")
    if scope.is_known_outside(name) and not hint.startswith("Did"):
        return f"'{name}' is outside: hand it in under the inputs of '{scope.path}'."
    return hint


def _endpoint(reference: Reference, *slots: Slot) -> Endpoint:
    """The endpoint of one reference; without slots where a problem was noted."""
    return Endpoint(slots, False, reference.place, (reference,) * len(slots))
