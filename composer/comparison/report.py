"""A comparison as text: one line, or a report with a table of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from composer.comparison.leaves import ValueDifference
from composer.comparison.node_values import NodeComparison, ValueComparison
from composer.plurals import count_noun

if TYPE_CHECKING:
    from composer.comparison.comparison import Comparison

_MAX_LISTED = 10
_HEADER = ("", "node", "largest", "relative", "alone", "verdict")


def describe(comparison: Comparison) -> str:
    """A comparison in one line."""
    one, other = comparison.names
    who = "the models" if one == other else f"{one} and {other}"
    parts = [f"{who} are {'the same' if comparison.is_same else 'different'}"]
    if comparison.structure:
        parts.append(count_noun(len(comparison.structure), "difference") + " of structure")
    if comparison.weights.nodes:
        parts.append(f"other weights in {count_noun(len(comparison.weights.nodes), 'node')}")
    if (values := comparison.values) is not None and values.first is not None:
        parts.append(f"values part at {values.first.name}")
        for each in values.outputs:
            if each.detections is not None and not each.detections.is_within(values.tolerance):
                found = each.detections
                parts.append(
                    f"{count_noun(len(found.lost), 'detection')} lost, {len(found.new)} new"
                )
    return ", ".join(parts)


def format_comparison(comparison: Comparison) -> str:
    """A comparison as a report."""
    lines = [" -> ".join(comparison.names), *comparison.notes]
    structure, weights = comparison.structure, comparison.weights
    lines.append(f"structure: {count_noun(len(structure), 'difference')}")
    lines += [f"  {change}" for change in structure]
    lines.append(_describe_weights(comparison))
    lines += [f"  {each}" for each in weights.nodes]
    if comparison.values is not None:
        lines += ["", *_format_values(comparison.values)]
    lines += ["", "the same" if comparison.is_same else "different"]
    return "\n".join(lines)


def _describe_weights(comparison: Comparison) -> str:
    weights = comparison.weights
    total = (
        f"{count_noun(weights.num_tensors, 'weight')} of {count_noun(weights.num_nodes, 'node')}"
    )
    verb = "differ" if len(weights.nodes) != 1 else "differs"
    what = f"{len(weights.nodes)} {verb}" if weights.nodes else "equal"
    random = f"; random in {_list_some(weights.random)}" if weights.random else ""
    return f"weights: {total}, {what}{random}"


def _format_values(values: ValueComparison) -> Iterator[str]:
    yield f"values, the same up to {values.tolerance:g} of the maximum"
    yield from values.notes
    yield from _format_table([_HEADER, *(_format_row(each) for each in values.nodes)])
    yield ""
    yield from _describe_parting(values)
    for output in values.outputs:
        yield str(output)
        if output.detections is not None:
            yield from _list(output.detections.lost, "lost")
            yield from _list(output.detections.new, "new")


def _describe_parting(values: ValueComparison) -> Iterator[str]:
    first = values.first
    if first is None:
        yield f"all {count_noun(len(values.nodes), 'node')} give the same"
        return
    yield f"they part at {first.name}: {first.difference}"
    yield from _describe_causes(values.causes)
    for each in values.nodes:
        if each.verdict == "unknown":
            yield f"{each.name} could not be told: {'; '.join(each.reasons)}"
    followers = [each for each in values.nodes if each.verdict == "follows"]
    if followers:
        verb = "follow" if len(followers) > 1 else "follows"
        nodes = f"{count_noun(len(followers), 'node')} only {verb}"
        yield f"{nodes}: given the first model's values, they give the same"
    if (regions := values.other_regions) is not None:
        yield f"from {regions.name} on the regions are others: {_describe_regions(regions)}"


def _describe_regions(node: NodeComparison) -> str:
    difference = node.difference
    counts = [] if difference.rows is None else ["{} and {}".format(*difference.rows)]
    if difference.matched is not None:
        counts.append("{} of {} are the same".format(*difference.matched))
    return ", ".join(counts)


def _list_some(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _describe_causes(causes: Sequence[NodeComparison]) -> Iterator[str]:
    """The nodes that differ themselves; those of one reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for each in causes:
        reason = "; ".join(each.reasons) or _unexplained(each)
        by_reason.setdefault(reason, []).append(each.name)
    for reason, names in by_reason.items():
        verb = "differs itself" if len(names) == 1 else "differ themselves"
        yield f"{', '.join(names)} {verb}: {reason}"


def _unexplained(node: NodeComparison) -> str:
    if node.is_input:
        return "the models were given other inputs"
    return "by structure and weights it is the same, so its code or its numerics are others"


def _format_row(node: NodeComparison) -> tuple[str, ...]:
    own = node.own
    alone = "" if own is None else _format_number(own, relative=not own.remark)
    verdict: str = node.verdict
    if verdict != "same" and node.difference.matched is not None:
        verdict += "  ({} of {} boxes are the same)".format(*node.difference.matched)
    return (
        str(node.index),
        node.name,
        _format_number(node.difference, relative=False),
        _format_number(node.difference, relative=True),
        alone,
        verdict,
    )


def _format_number(difference: ValueDifference, *, relative: bool) -> str:
    if difference.rows is not None:
        return "" if relative else "{} / {} {}".format(*difference.rows, difference.noun)
    number = difference.relative if relative else difference.largest
    if difference.remark and not number:
        return "" if relative else "other form"
    if number is None:
        return ""
    return f"{number:.1e}" if number else "0"


def _format_table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        cells[0] = f"{row[0]:>{widths[0]}}"
        yield f"  {'  '.join(cells)}".rstrip()


def _list(found: Sequence[object], word: str) -> Iterator[str]:
    for each in found[:_MAX_LISTED]:
        yield f"  {word:<4}  {each}"
    if len(found) > _MAX_LISTED:
        yield f"  {word:<4}  ... and {len(found) - _MAX_LISTED} more"
