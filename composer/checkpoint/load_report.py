"""The outcome of loading a checkpoint, node by node, as a value and as a table for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from composer.errors import CheckpointMismatchError
from composer.html_parts import make_heading, make_table, write_text
from composer.names import closest
from composer.plurals import count_noun

MAX_NAMES = 8
_COLUMNS = ("loaded", "missing", "unexpected", "mismatched")
_FEW = 20  # one fitting tensor in so many is a coincidence
_FEW_NAMES = 3
_MAX_GUESSES = 100
_ADVICE = {
    "skip_mismatched": (
        "mismatched",
        "leaves tensors of another shape as they are, as for another number of classes",
    ),
    "allow_missing": ("missing", "leaves tensors that are not in the file as they are"),
    "allow_unexpected": ("unexpected", "passes over tensors that no node has"),
}


@dataclass(frozen=True)
class Mismatch:
    """A tensor of another shape than the node's.

    Attributes:
        name: its name within the node.
        expected: shape that the node has.
        found: shape that the file has.
    """

    name: str
    expected: tuple[int, ...]
    found: tuple[int, ...]

    def to_json(self) -> dict[str, object]:
        """The mismatch as a value that `json.dumps` takes."""
        return {"name": self.name, "expected": list(self.expected), "found": list(self.found)}


@dataclass(frozen=True)
class NodeReport:
    """The outcome of loading the tensors of one node.

    Attributes:
        loaded: names within the node whose tensors were loaded.
        missing: names within the node that the file does not have.
        unexpected: keys of the file in the node's namespace that the node does not have.
        mismatched: names that both have, with different shapes.
        resized: of the loaded ones, those that the node type resized, with both shapes.
    """

    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()
    resized: tuple[Mismatch, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything fits."""
        return not (self.missing or self.unexpected or self.mismatched)

    @property
    def num_expected(self) -> int:
        """Number of tensors that the node needs from the file."""
        return len(self.loaded) + len(self.missing) + len(self.mismatched)

    def to_json(self) -> dict[str, object]:
        """The report as a value that `json.dumps` takes."""
        return {
            "loaded": list(self.loaded),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "mismatched": [each.to_json() for each in self.mismatched],
            "resized": [each.to_json() for each in self.resized],
        }


@dataclass(frozen=True, repr=False)
class LoadReport:
    """The outcome of loading a checkpoint. `str()` of it is a table for people.

    Attributes:
        source: the file.
        format: the name of its format.
        nodes: path -> report, for each node that is to be loaded, and for the places in the graph
            where keys of the file would belong if there were such a node.
        ignored: keys that are no weights (`pixel_mean`, ...).
        unused: keys that belong to nodes which were not asked for.
        notes: problems of the file, a sentence each.
        choices: how the file was read where there was a choice, a line each.
        nonfinite: the tensors with NaN or infinite numbers: key -> how many, and of how many.
    """

    source: str
    format: str
    nodes: Mapping[str, NodeReport] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    nonfinite: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def remarks(self) -> list[str]:
        """What is said of every load: choices, resized weights, and such as are not finite."""
        lines = [*self.choices, *_describe_resized(self.nodes)]
        if self.nonfinite:
            names = [f"{key} ({bad} of {all_})" for key, (bad, all_) in self.nonfinite.items()]
            what = count_noun(len(names), "tensor")
            lines.append(f"{what} with NaN or infinite numbers: {_listing(names)}")
        return lines

    @property
    def is_of_another_network(self) -> bool:
        """Whether hardly any tensor fits, and the file has others of quite other names instead."""
        nodes = self.nodes.values()
        named = sum(len(node.loaded) + len(node.mismatched) for node in nodes)
        expected = sum(node.num_expected for node in nodes)
        others = [key for node in nodes for key in node.unexpected]
        if not expected or not (others or self.unused) or _FEW * named > expected:
            return False
        missing = [name for node in nodes for name in node.missing]
        known = {ending for key in (*others, *self.unused) for ending in _endings(key)}
        return len(missing) > _FEW_NAMES and 2 * sum(n in known for n in missing) < len(missing)

    @property
    def ok(self) -> bool:
        """Whether the file fits the nodes, and the nodes the file."""
        return all(node.ok for node in self.nodes.values())

    def raise_if(
        self,
        *,
        strict: bool = True,
        skip_mismatched: bool = False,
        allow_missing: bool = False,
        allow_unexpected: bool = False,
    ) -> None:
        """Raises unless the checkpoint fits, or the misfits are allowed.

        Args:
            strict: False allows everything.
            skip_mismatched: tensors of another shape are left as they are in the graph, as for a
                new number of classes.
            allow_missing: nodes may have tensors that the file does not have.
            allow_unexpected: the file may have tensors that no node has.

        Raises:
            CheckpointMismatchError: the message is this report.
        """
        if not strict:
            return
        if any(
            (node.mismatched and not skip_mismatched)
            or (node.missing and not allow_missing)
            or (node.unexpected and not allow_unexpected)
            for node in self.nodes.values()
        ):
            raise CheckpointMismatchError(self, self._list_advice())

    def _list_advice(self) -> dict[str, str]:
        """The options that would load it all the same, each with what it does."""
        if self.is_of_another_network:
            return {}
        return {
            option: advice
            for option, (kind, advice) in _ADVICE.items()
            if any(getattr(node, kind) for node in self.nodes.values())
        }

    def __repr__(self) -> str:
        return f"LoadReport({self.source}: {_summary(self.nodes.values())[:-1]})"

    def _repr_html_(self) -> str:
        """The nodes and how many of their tensors fit as a table, in notebooks."""
        kinds = ("loaded", "missing", "unexpected", "mismatched", "resized")
        rows = [
            (path or "(the model)", *(len(getattr(node, kind)) or "" for kind in kinds))
            for path, node in self.nodes.items()
        ]
        below = "".join(f"<div>{write_text(line)}</div>" for line in (*self.notes, *self.remarks))
        return make_heading(repr(self)) + make_table(("node", *kinds), rows) + below

    def __str__(self) -> str:
        title = f"{self.source} ({self.format})"
        if self.is_of_another_network:
            lines = [f"{title}: {_summary(self.nodes.values(), 'fit: another network')}"]
            lines += _compare_names(self.nodes, self.unused)
            lines += [f"  note: {note}" for note in self.notes]
            return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])
        return render_report(
            title,
            self.nodes,
            ignored=self.ignored,
            unused=self.unused,
            notes=self.notes,
            remarks=self.remarks,
        )

    def to_json(self) -> dict[str, object]:
        """The whole report as a value that `json.dumps` takes."""
        return {
            "source": self.source,
            "format": self.format,
            "ok": self.ok,
            "nodes": {path: node.to_json() for path, node in self.nodes.items()},
            "ignored": list(self.ignored),
            "unused": list(self.unused),
            "notes": list(self.notes),
            "choices": list(self.choices),
            "nonfinite": {key: list(counts) for key, counts in self.nonfinite.items()},
        }


class _Guesses:
    """Which key of a file may be that of a missing tensor.

    Only the first are looked for: thousands of searches among thousands of keys take minutes.

    Args:
        strangers: the unexpected keys of the file.
    """

    def __init__(self, strangers: Sequence[str]) -> None:
        self._strangers = strangers
        self._by_ending: dict[int, dict[str, str]] = {}
        self._num_left = _MAX_GUESSES

    def describe(self, name: str, own: Sequence[str]) -> str:
        """The most similar ending of an unexpected key, of the node's own keys before all."""
        if not self._num_left:
            return ""
        self._num_left -= 1
        length = name.count(".") + 1
        if length not in self._by_ending:
            self._by_ending[length] = _by_ending(self._strangers, length)
        for endings in (_by_ending(own, length), self._by_ending[length]):
            if match := closest(name, endings):
                return f"  (the file has '{endings[match]}')"
        return ""


def _by_ending(keys: Iterable[str], length: int) -> dict[str, str]:
    """Keys by their last names between dots."""
    return {".".join(key.split(".")[-length:]): key for key in keys}


def render_report(
    title: str,
    nodes: Mapping[str, NodeReport],
    *,
    ignored: Sequence[str] = (),
    unused: Sequence[str] = (),
    notes: Sequence[str] = (),
    remarks: Sequence[str] = (),
) -> str:
    """One line where all is fine; else a row a node, and the names that do not fit.

    Args:
        title: the file and its format.
        nodes: path -> the report of the node.
        ignored: keys that are no weights.
        unused: keys of nodes that were not asked for.
        notes: printed if something does not fit.
        remarks: printed in any case.
    """
    lines = [f"{title}: {_summary(nodes.values())}"]
    if not all(node.ok for node in nodes.values()):
        lines += _table(nodes)
        lines += [f"  note: {note}" for note in notes]
    lines += [f"  {remark}" for remark in remarks]
    if ignored:
        lines.append(f"  ignored, since no weights: {_listing(ignored)}")
    if unused:
        lines.append(f"  {count_noun(len(unused), 'tensor')} in the file for other nodes")
    return "\n".join(lines)


def _summary(nodes: Collection[NodeReport], outcome: str = "fit") -> str:
    loaded = sum(len(node.loaded) for node in nodes)
    expected = sum(node.num_expected for node in nodes)
    places = count_noun(sum(node.num_expected > 0 for node in nodes), "node")
    if all(node.ok for node in nodes):
        return f"all {count_noun(expected, 'tensor')} of {places} loaded."
    return f"{loaded} of {count_noun(expected, 'tensor')} of {places} {outcome}."


def _compare_names(nodes: Mapping[str, NodeReport], unused: Sequence[str]) -> Iterator[str]:
    """Two lines: some names of the file, and some of the graph."""
    given = [*(key for node in nodes.values() for key in node.unexpected), *unused]
    missing = [f"{path}: {name}" for path, node in nodes.items() for name in node.missing]
    yield f"  in the file: {_listing(given[:_FEW_NAMES])}, ..."
    yield f"  in the graph: {_listing(missing[:_FEW_NAMES])}, ..."


def _table(nodes: Mapping[str, NodeReport]) -> Iterator[str]:
    shown = {path: node for path, node in nodes.items() if node.num_expected or not node.ok}
    width = max(len("node"), *(len(path) for path in shown))
    yield f"  {'node':<{width}}" + "".join(f"  {column:>10}" for column in _COLUMNS)
    guesses = _Guesses([key for node in shown.values() for key in node.unexpected])
    for path, node in shown.items():
        counts = [f"{len(node.loaded)}/{node.num_expected}"]
        counts += [str(len(getattr(node, column)) or "") for column in _COLUMNS[1:]]
        yield f"  {path:<{width}}" + "".join(f"  {count:>10}" for count in counts).rstrip()
        yield from (f"      {line}" for line in _details(node, guesses))


def _details(node: NodeReport, guesses: _Guesses) -> Iterator[str]:
    for each in node.mismatched[:MAX_NAMES]:
        sides = f"{_sides(each.expected)} expected, {_sides(each.found)} found"
        yield f"mismatched  {each.name}: {sides}"
    yield from _more(node.mismatched)
    for name in node.missing[:MAX_NAMES]:
        yield f"missing     {name}{guesses.describe(name, node.unexpected)}"
    yield from _more(node.missing)
    for key in node.unexpected[:MAX_NAMES]:
        yield f"unexpected  {key}"
    yield from _more(node.unexpected)


def _more(names: Sequence[object]) -> Iterator[str]:
    if len(names) > MAX_NAMES:
        yield f"            ... and {len(names) - MAX_NAMES} more"


def _endings(key: str) -> Iterator[str]:
    """What follows each dot of a key."""
    while "." in key:
        key = key.partition(".")[2]
        yield key


def _describe_resized(nodes: Mapping[str, NodeReport]) -> Iterator[str]:
    """A line of what was resized, with an example of each pair of sizes."""
    for path, node in nodes.items():
        kinds: dict[tuple[str, str], list[str]] = {}
        for each in node.resized:
            sizes = (_sides(each.found), _sides(each.expected))
            kinds.setdefault(sizes, []).append(each.name)
        shown = [f"{_one_of(names)} {found} -> {ours}" for (found, ours), names in kinds.items()]
        if shown:
            yield f"{count_noun(len(node.resized), 'tensor')} of {path} resized: {_listing(shown)}"


def _one_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]}, ... ({len(names)})"


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
