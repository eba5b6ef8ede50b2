"""Comparison of an exported file's outputs with the graph's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from composer.errors import ComposerError, ExportError
from composer.escapes import describe_error
from composer.exporting.cut import Cut, Values
from composer.exporting.exporter import RunFile
from composer.exporting.flat_slots import FlatSlot
from composer.structures import Boxes, pairwise_iou

_IOU = 0.99  # of boxes that are the same
_UNMATCHED = 100  # rows of which one may be another: suppression turns on the last digit


class CheckedOutput(NamedTuple):
    """The largest error of an output in all runs.

    Args:
        name: the output.
        error: of numbers, relative to the largest of the graph's; of masks the share that differs;
            of whole numbers the smaller of both.
        unmatched: rows that the other has not, in all runs.
        rows: rows in all runs, of an output whose rows are matched.
        is_empty: whether the graph's has no number in any run, so that nothing was compared.
    """

    name: str
    error: float
    unmatched: int = 0
    rows: int = 0
    is_empty: bool = False


def check_file(cut: Cut, run_file: RunFile) -> list[CheckedOutput]:
    """Runs a file on every example, and compares each output with the graph's.

    Raises:
        ExportError: it cannot be run, or an output is missing.
    """
    found: dict[str, CheckedOutput] = {}
    for example in cut.examples:
        try:
            outputs = run_file(cut.read_inputs(example))
        except ComposerError:
            raise
        except Exception as error:
            raise ExportError(
                f"the exported file cannot be run: {describe_error(error)}"
            ) from error
        for checked in _check_example(cut, example, outputs):
            last = found.get(checked.name)
            found[checked.name] = checked if last is None else _join(last, checked)
    return list(found.values())


def require_agreement(checked: Sequence[CheckedOutput], tolerance: float) -> None:
    """Refuses outputs that differ by more than the tolerance.

    Raises:
        ExportError: with all outputs that do.
    """
    wrong = [
        each for each in checked if not each.error <= tolerance or each.unmatched > _allowed(each)
    ]
    if wrong:
        listing = "\n".join(f"  {describe_check(each)}" for each in wrong)
        raise ExportError(
            f"the exported file differs from the graph by more than {tolerance:g}, so it is not "
            f"written:\n{listing}"
        )


def describe_check(checked: CheckedOutput) -> str:
    """`detections.scores: largest error 1.2e-07`."""
    text = f"{checked.name}: largest error {checked.error:.2g}"
    if checked.unmatched:
        text += f", {checked.unmatched} of {checked.rows} rows differ"
    return f"{text}, for it was empty in all runs" if checked.is_empty else text


def _allowed(checked: CheckedOutput) -> int:
    return math.ceil(checked.rows / _UNMATCHED)


def _join(first: CheckedOutput, second: CheckedOutput) -> CheckedOutput:
    errors = (first.error, second.error)
    worst = math.nan if any(map(math.isnan, errors)) else max(errors)
    counts = first.unmatched + second.unmatched, first.rows + second.rows
    return CheckedOutput(first.name, worst, *counts, first.is_empty and second.is_empty)


def _check_example(cut: Cut, example: Values, outputs: Mapping[str, Tensor]) -> list[CheckedOutput]:
    checked = []
    for group in _group(cut.leaving):
        expected = {
            tensor.name: value
            for flat in group
            for tensor, value in zip(flat.tensors, flat.flatten(example[flat.slot]), strict=True)
        }
        for name in expected:
            if name not in outputs:
                raise ExportError(f"the exported file has no output '{name}'")
        found = {name: outputs[name].to(value.dtype) for name, value in expected.items()}
        checked += _compare(expected, found)
    return checked


def _group(leaving: Sequence[FlatSlot]) -> list[list[FlatSlot]]:
    """The slots of one node together: their rows belong together."""
    groups: dict[str, list[FlatSlot]] = {}
    for flat in leaving:
        groups.setdefault(flat.slot.path, []).append(flat)
    return list(groups.values())


def _compare(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[CheckedOutput]:
    boxes = next((n for n in expected if n.endswith("boxes") and _are_boxes(expected[n])), "")
    if not boxes or not _are_boxes(found[boxes]):
        return [_check(name, value, found[name]) for name, value in expected.items()]
    classes = next((name for name in expected if name.endswith("classes")), "")
    ours, theirs = _match(
        expected[boxes], found[boxes], *((expected[classes], found[classes]) if classes else ())
    )
    unmatched = max(len(expected[boxes]), len(found[boxes])) - len(ours)
    rows, checked = len(expected[boxes]), []
    for name, value in expected.items():
        if _has_rows(name, value, rows) and len(found[name]) == len(found[boxes]):
            error = _measure(value[ours], found[name][theirs])
            checked.append(CheckedOutput(name, error, unmatched, rows, not value.numel()))
        else:
            checked.append(_check(name, value, found[name]))
    return checked


def _check(name: str, expected: Tensor, found: Tensor) -> CheckedOutput:
    return CheckedOutput(name, _measure(expected, found), is_empty=not expected.numel())


def _has_rows(name: str, value: Tensor, rows: int) -> bool:
    return value.ndim > 0 and len(value) == rows and not name.endswith(".image_size")


def _are_boxes(value: Tensor) -> bool:
    return value.ndim == 2 and value.shape[1] == 4


def _match(
    boxes: Tensor,
    others: Tensor,
    classes: Tensor | None = None,
    other_classes: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The rows of both that are the same box of the same class, in the order of the first."""
    overlap = pairwise_iou(Boxes(boxes.float()), Boxes(others.float()))
    same = (boxes[:, None] - others[None]).abs().amax(dim=2) if len(boxes) * len(others) else None
    if same is not None:
        overlap = torch.where(same < 1e-2, torch.ones_like(overlap), overlap)  # without area, too
    if classes is not None and other_classes is not None:
        overlap = overlap * (classes[:, None] == other_classes[None])
    ours, theirs, free = [], [], torch.ones(len(others))
    for row in range(len(boxes)):
        # Among equals the one at the same place is meant.
        value = overlap[row] * free
        best = int(value.argmax()) if len(others) else -1
        if row < len(others) and value[row] >= value[best] - 1e-6:
            best = row
        if best >= 0 and value[best] >= _IOU:
            ours.append(row)
            theirs.append(best)
            free[best] = 0
    return torch.tensor(ours, dtype=torch.int64), torch.tensor(theirs, dtype=torch.int64)


def _measure(expected: Tensor, found: Tensor) -> float:
    """The error of an output; infinite if its shape is another."""
    if expected.shape != found.shape:
        return math.inf
    if expected.numel() == 0:
        return 0.0
    if expected.dtype == torch.bool:
        return int((expected != found).sum()) / max(int(expected.sum()), 1)
    if not expected.is_floating_point():  # labels, of which some may differ; counts, by a little
        share = float((expected != found).double().mean())
        return min(share, _measure(expected.double(), found.double()))
    same = (expected == found) | (expected.isnan() & found.isnan())  # infinite ones, too
    difference = (expected.double() - found.double()).abs().masked_fill(same, 0).max()
    largest = expected.double().abs()[expected.isfinite()]
    return float(difference / (largest.max().clamp(min=1e-6) if len(largest) else 1.0))
