"""Compares checkpoints that do not say which model they belong to: by their names of weights."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from torch import Tensor

from composer.checkpoint import read_checkpoint
from composer.comparison.comparison import Comparison, check_tolerance
from composer.comparison.pairing import Pairing
from composer.comparison.structure import Change
from composer.comparison.weights import compare_weights


def compare_checkpoints(
    one: str | os.PathLike[str],
    other: str | os.PathLike[str],
    *,
    tolerance: float | None = None,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """Compares the weights of two files; the part of a name before the last dot is the node.

    Args:
        one: the first file.
        other: the second.
        tolerance: the difference of norms up to which weights are the same; none by default.
        names: the names of the files in the result.

    Raises:
        CheckpointError: a file cannot be read.
        InputError: the tolerance is none.
    """
    check_tolerance(tolerance)
    ours, theirs = (_group(read_checkpoint(each).tensors) for each in (one, other))
    pairing = Pairing(
        nodes={path: path for path in ours if path in theirs},
        renamed={},
        removed=_missing(ours, theirs),
        added=_missing(theirs, ours),
        inputs={},
    )
    changes = [Change("removed", path, "", "weights", "") for path in pairing.removed]
    changes += [Change("added", path, "", "", "weights") for path in pairing.added]
    weights = compare_weights(ours, theirs, pairing, tolerance=tolerance or 0.0)
    return Comparison(names or (os.fspath(one), os.fspath(other)), tuple(changes), weights)


def _group(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors by the part of their name before the last dot, and by the rest."""
    found: dict[str, dict[str, Tensor]] = {}
    for key in tensors:
        node, _, name = key.rpartition(".")
        found.setdefault(node or name, {})[name] = tensors[key]
    return found


def _missing(names: Iterable[str], others: Mapping[str, object]) -> tuple[str, ...]:
    return tuple([name for name in names if name not in others])
