"""Compares two models on an input, node by node: which nodes differ themselves, and which follow.

Each model runs by itself. Where a node of the second model gives something else, it runs once more,
alone, on the values of the first: what it then gives in the same way, it owes to what it was given.
So a node that is wrong is told from all those below it, where even the regions may be others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from composer.blueprint import Slot
from composer.comparison.detections import OutputComparison, compare_outputs
from composer.comparison.leaves import ValueDifference, compare_values
from composer.comparison.pairing import Pairing
from composer.comparison.recording import Key, LoneNodes, Request, Unit
from composer.errors import ComposerError, ExecutionError, InputError
from composer.graph import Graph

_BY_PYTORCH = "by PyTorch"  # a note of a plan on a set that an engine would run
Verdict = Literal["same", "differs", "follows", "unknown"]


@dataclass(frozen=True)
class NodeComparison:
    """What a node gives in two models.

    Args:
        index: its place in the order of the run, inputs first.
        node: its path in the first model, or the name of an input; of a set that an engine runs,
            the name of the set in the second.
        port: the port with the largest difference; empty where there is one only.
        difference: that of two runs, each model by itself.
        own: that of this node alone, given the first model's values; None where it was not needed
            or not possible.
        verdict: `same` up to the tolerance; `differs`, on equal values, too; `follows`: it differs
            only by what it is given; `unknown`: it could not be run on the first model's values.
        reasons: for a node that differs, what is known of it; else why it is unknown.
        is_input: whether it is an input of the graph.
    """

    index: int
    node: str
    port: str
    difference: ValueDifference
    own: ValueDifference | None
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    is_input: bool = False

    @property
    def name(self) -> str:
        """The node, with its port where it has several."""
        dot = "" if self.port.startswith(":") else "."
        return f"{self.node}{dot}{self.port}" if self.port else self.node

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return {
            "index": self.index,
            "node": self.node,
            "port": self.port,
            "verdict": self.verdict,
            "difference": self.difference.to_dict(),
            "own": None if self.own is None else self.own.to_dict(),
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class ValueComparison:
    """The values of two models on an input.

    Args:
        nodes: the nodes that both models have and run, in order.
        outputs: what was asked for.
        tolerance: the relative difference up to which values are the same.
        notes: remarks of the plans on what runs otherwise than the model would.
    """

    nodes: tuple[NodeComparison, ...]
    outputs: tuple[OutputComparison, ...]
    tolerance: float
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> NodeComparison | None:
        """The first node where the models part beyond the tolerance."""
        return next((each for each in self.nodes if each.verdict != "same"), None)

    @property
    def causes(self) -> tuple[NodeComparison, ...]:
        """The nodes that differ themselves."""
        return tuple([each for each in self.nodes if each.verdict == "differs"])

    @property
    def other_regions(self) -> NodeComparison | None:
        """The first node from which on the regions are others, or are as many and others."""
        found = (each for each in self.nodes if each.difference.has_other_regions)
        return next((each for each in found if each.verdict != "same"), None)

    @property
    def is_same(self) -> bool:
        """Whether no node differs itself, and the outputs are the same up to the tolerance."""
        settled = all(each.verdict in ("same", "follows") for each in self.nodes)
        return settled and all(each.is_within(self.tolerance) for each in self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values."""
        first, regions = self.first, self.other_regions
        return {
            "tolerance": self.tolerance,
            "is_same": self.is_same,
            "first": None if first is None else first.name,
            "causes": [each.name for each in self.causes],
            "other_regions_from": None if regions is None else regions.name,
            "nodes": [each.to_dict() for each in self.nodes],
            "outputs": [each.to_dict() for each in self.outputs],
            "notes": list(self.notes),
        }


@dataclass
class _Row:
    """A unit of the second model, while it is compared."""

    unit: Unit | None
    found: dict[Key, ValueDifference] = field(default_factory=dict)

    def worst(self) -> tuple[str, ValueDifference]:
        """The port with the largest difference, and that."""
        key = max(self.found, key=lambda each: _rank(self.found[each]))
        if isinstance(key, str):
            return f":{key.partition(':')[2]}", self.found[key]
        is_named = len(self.found) > 1 and not self.found[key].is_exact
        return (key.port if is_named else ""), self.found[key]


def _rank(difference: ValueDifference) -> tuple[bool, bool, float]:
    return bool(difference.remark), difference.rows is not None, difference.relative or 0.0


class NodeValues:
    """Runs two models and compares their nodes.

    Args:
        graphs: the two models, in inference mode.
        pairing: their nodes.
        requests: what is run of each.
        tolerance: the relative difference up to which values are the same.
    """

    def __init__(
        self,
        graphs: tuple[Graph, Graph],
        pairing: Pairing,
        requests: tuple[Request, Request],
        tolerance: float,
    ) -> None:
        self.graphs, self.pairing, self.requests = graphs, pairing, requests
        self.tolerance = tolerance
        plans = requests[0].plan(graphs[0]), requests[1].plan(graphs[1])
        self.plans = plans
        self._values: dict[Slot, Any] = {}
        self._taps: dict[str, Any] = {}

    @cached_property
    def paths(self) -> frozenset[str]:
        """The nodes that run in one of the models, and the inputs that they read."""
        return frozenset(each for plan in self.plans for each in (*plan.paths, *plan.inputs))

    def compare(self, explain: Callable[[str], Sequence[str]]) -> ValueComparison:
        """Runs both models, and nodes of the second on the values of the first.

        Args:
            explain: gives what is known to be different of a node, by its path in the first.

        Raises:
            ComposerError: an input does not fit, or a node fails in one of the models.
        """
        one, other = self.graphs
        with _naming("first"):
            self._values.update(self.requests[0].read_inputs(one, self.plans[0]))
            ours = self.requests[0].run(
                one, self.plans[0], lambda _, found: self._values.update(found)
            )
        self._taps = {name: ours[name] for name in ours if ":" in name}
        rows: list[_Row] = []

        def see(unit: Unit, found: Mapping[Slot, Any]) -> None:
            row = _Row(unit)
            for slot, value in found.items():
                counterpart = self.pairing.translate_back(slot)
                if counterpart is not None and counterpart in self._values:
                    row.found[slot] = compare_values(self._values[counterpart], value)
            rows.append(row)

        with _naming("second"):
            rows += self._compare_inputs()
            theirs = self.requests[1].run(other, self.plans[1], see)
        self._compare_taps(rows, theirs)
        nodes = self._judge(rows, explain)
        names = one.spec.metadata.thing_classes, other.spec.metadata.thing_classes
        outputs = compare_outputs(ours, self._as_named_by_first(theirs), names)
        return ValueComparison(tuple(nodes), outputs, self.tolerance, self._list_notes())

    def _list_notes(self) -> tuple[str, ...]:
        """What the plans say of engines whose sets of nodes PyTorch runs in this request."""
        return tuple(
            [
                f"in the {which} model, {note}"
                for which, plan in zip(("first", "second"), self.plans, strict=True)
                for note in plan.notes
                if note.startswith(_BY_PYTORCH)
            ]
        )

    def _compare_inputs(self) -> list[_Row]:
        rows: dict[str, _Row] = {}
        for slot, value in self._their_inputs.items():
            counterpart = self.pairing.translate_back(slot)
            if counterpart is not None and counterpart in self._values:
                row = rows.setdefault(slot.path, _Row(None))
                row.found[slot] = compare_values(self._values[counterpart], value)
        return [*rows.values()]

    @cached_property
    def _their_inputs(self) -> dict[Slot, Any]:
        return self.requests[1].read_inputs(self.graphs[1], self.plans[1])

    def _compare_taps(self, rows: Sequence[_Row], theirs: Mapping[str, Any]) -> None:
        for row in rows:
            for tap in row.unit.taps if row.unit else ():
                counterpart = self._first_name_of(tap)
                if counterpart in self._taps:
                    row.found[tap] = compare_values(self._taps[counterpart], theirs[tap])

    def _first_name_of(self, tap: str) -> str:
        path, _, module = tap.partition(":")
        slot = self.pairing.translate_back(Slot(path, ""))
        return f"{path if slot is None else slot.path}:{module}"

    def _as_named_by_first(self, theirs: Mapping[str, Any]) -> dict[str, Any]:
        """The targets of the second model by the names that they have in the first."""
        ours = [target.name for target in self.plans[0].targets]
        if self.requests[0].until is None or len(ours) != len(theirs):
            return dict(theirs)
        return dict(zip(ours, theirs.values(), strict=True))

    def _judge(
        self, rows: Sequence[_Row], explain: Callable[[str], Sequence[str]]
    ) -> list[NodeComparison]:
        exact = {key for row in rows for key, each in row.found.items() if each.is_exact}
        lone = self._make_lone(rows)
        found: list[NodeComparison] = []
        for row in rows:
            if not row.found:  # only the second model has it
                continue
            port, difference = row.worst()
            verdict: Verdict = "same"
            own: ValueDifference | None = None
            reasons: tuple[str, ...] = ()
            if not all(each.is_within(self.tolerance) for each in row.found.values()):
                verdict, own, reasons = self._judge_row(row, exact, lone, explain)
            name = self._name(row)
            found.append(
                NodeComparison(
                    len(found), name, port, difference, own, verdict, reasons, row.unit is None
                )
            )
        return found

    def _judge_row(
        self,
        row: _Row,
        exact: set[Key],
        lone: LoneNodes,
        explain: Callable[[str], Sequence[str]],
    ) -> tuple[Verdict, ValueDifference | None, tuple[str, ...]]:
        """The verdict on a node that gives something else, with its own difference and reasons."""
        reasons = self._explain(row, explain)
        if row.unit is None:
            return "differs", None, reasons
        if exact.issuperset(row.unit.needs):
            return "differs", row.worst()[1], reasons
        try:
            computed = lone.compute(row.unit)
        except ComposerError as error:
            return "unknown", None, (f"on the first model's values: {error}",)
        apart = replace(row, found={key: self._compare_own(key, computed) for key in row.found})
        _, own = apart.worst()
        if all(each.is_within(self.tolerance) for each in apart.found.values()):
            return "follows", own, ()
        return "differs", own, reasons

    def _compare_own(self, key: Key, computed: Mapping[Key, Any]) -> ValueDifference:
        if isinstance(key, str):
            return compare_values(self._taps[self._first_name_of(key)], computed[key])
        counterpart = self.pairing.translate_back(key)
        assert counterpart is not None
        return compare_values(self._values[counterpart], computed[key])

    def _make_lone(self, rows: Sequence[_Row]) -> LoneNodes:
        units = {slot: row.unit for row in rows if row.unit for slot in row.unit.slots}
        given = dict(self._their_inputs)
        for slot in self._values:
            counterpart = self.pairing.translate(slot)
            if counterpart is not None:
                given[counterpart] = self._values[slot]
        return LoneNodes(self.graphs[1], units, given, self.requests[1].seed)

    def _name(self, row: _Row) -> str:
        if row.unit is not None and row.unit.step.members:
            return row.unit.step.node.path
        key = next(iter(row.found))
        path = key.partition(":")[0] if isinstance(key, str) else key.path
        counterpart = self.pairing.translate_back(Slot(path, ""))
        return path if counterpart is None else counterpart.path

    def _explain(self, row: _Row, explain: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
        if row.unit is None:
            return tuple(explain(self._name(row)))
        paths = [self.pairing.translate_back(Slot(path, "")) for path in row.unit.paths]
        reasons = [reason for slot in paths if slot is not None for reason in explain(slot.path)]
        return tuple(dict.fromkeys(reasons))


@contextmanager
def _naming(which: str) -> Iterator[None]:
    """Says in errors of a run which model it was."""
    try:
        yield
    except ExecutionError as error:
        raise ExecutionError(error.path, f"in the {which} model, {error}") from error
    except InputError as error:
        raise InputError(f"in the {which} model, {error}") from error
