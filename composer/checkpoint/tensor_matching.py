"""Matching the tensors of a checkpoint with those of nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from composer.checkpoint.checkpoint import Checkpoint
from composer.checkpoint.load_report import LoadReport, Mismatch, NodeReport
from composer.checkpoint.nonfinite import find_nonfinite
from composer.checkpoint.prefix_index import PrefixIndex
from composer.errors import CheckpointError
from composer.escapes import describe_error

# detectron2 stores what it computes from the configuration (once the pixels' mean and the anchors,
# still how likely LVIS classes are drawn); torch counts batches, which nothing reads as long as
# the momentum of a batch norm is fixed.
_NOT_WEIGHTS = re.compile(
    r"(?:.+\.)?(?:pixel_mean|pixel_std|anchor_generator\.cell_anchors(?:\..+)?|num_batches_tracked"
    r"|fed_loss_cls_weights)"
)
# What a detector has no use for in a backbone that was trained to classify ImageNet, and
# Detectron1's fixed upsampling of keypoint maps. Caffe gave the stem of ResNet a bias of zeros.
_CLASSIFIER = re.compile(
    r"(?:fc1000|stem\.fc|head\.fc|linear|fc)\.(?:weight|bias)"
    r"|stem\.conv1\.bias|keypoint_head\.score\.(?:weight|bias)"
)
_LEVEL_NORMS = "hidden_states_norms."
NO_NODE = "(no node)"

Resize = Callable[[str, Tensor, Sequence[int]], Tensor | None]
"""Name of a node's tensor, a checkpoint's, the wanted shape -> one of that shape, or None."""

Assignment = Mapping[str, Mapping[str, Tensor]]
"""Node path -> name within the node -> the tensor to load."""


class Matching(NamedTuple):
    """The tensors that fit, and the report.

    Attributes:
        assignment: the tensors to load. A node that gets none is there, with an empty mapping.
        report: node by node, the tensors that fit and those that do not.
    """

    assignment: Assignment
    report: LoadReport


class _Leftovers(NamedTuple):
    """Keys of a checkpoint that no node took, by how they are reported."""

    unexpected: dict[str, list[str]]  # place in the graph -> keys
    ignored: tuple[str, ...]
    unused: tuple[str, ...]


def match_tensors(
    targets: Mapping[str, Mapping[str, Tensor]],
    checkpoint: Checkpoint,
    *,
    prefix_of: Mapping[str, str],
    partial: bool = False,
    by_suffix: bool | None = None,
    resize: Mapping[str, Resize] = MappingProxyType({}),
) -> Matching:
    """Finds the tensor of a checkpoint for each tensor of some nodes.

    A tensor's key is its node's prefix and its name within the node. In a checkpoint that is
    matched by suffix, the longest key that ends this key counts instead.

    Args:
        targets: node path -> the state dict of its module. Only shapes are used.
        checkpoint: the checkpoint.
        prefix_of: node path -> the prefix that its keys have in the file ("backbone.fpn.", or
            empty). It may name nodes that are not targets: their keys are theirs.
        partial: the file may well hold weights of nodes that `prefix_of` does not name.
        by_suffix: whether to match by suffix. None: as the checkpoint asks for.
        resize: node path -> what resizes tensors of another shape, of the nodes that do.

    Raises:
        CheckpointError: matched by suffix, one tensor fits two places.
    """
    by_suffix = checkpoint.matching_heuristics if by_suffix is None else by_suffix
    expected = {
        path: {name: prefix_of[path] + name for name in names} for path, names in targets.items()
    }
    keys = _find_keys(expected, checkpoint, by_suffix=by_suffix)
    assignment: dict[str, Mapping[str, Tensor]] = {}
    nodes: dict[str, NodeReport] = {}
    for path, names in expected.items():
        found = {name: checkpoint.tensors[keys[key]] for name, key in names.items() if key in keys}
        assignment[path], nodes[path] = _fit(targets[path], found, resize.get(path))
    taken = set(keys.values())
    rest = _sort_leftovers(
        [key for key in checkpoint.tensors if key not in taken],
        targets=targets,
        prefix_of=prefix_of,
        partial=partial,
        by_suffix=by_suffix,
    )
    for place, unexpected in rest.unexpected.items():
        nodes[place] = replace(nodes.get(place, NodeReport()), unexpected=tuple(unexpected))
    report = LoadReport(
        source=str(checkpoint.path),
        format=checkpoint.format,
        nodes=nodes,
        ignored=rest.ignored,
        unused=rest.unused,
        notes=checkpoint.notes,
        choices=checkpoint.choices,
        nonfinite=find_nonfinite(assignment, prefix_of),
    )
    return Matching(assignment, report)


def _find_keys(
    expected: Mapping[str, Mapping[str, str]], checkpoint: Checkpoint, *, by_suffix: bool
) -> dict[str, str]:
    """Full key of the model -> key of the checkpoint, for keys that both have."""
    full = dict.fromkeys(key for names in expected.values() for key in names.values())
    if by_suffix:
        return match_by_suffix(full, checkpoint.tensors.keys())
    return {key: key for key in full if key in checkpoint.tensors}


def _fit(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], resize: Resize | None
) -> tuple[dict[str, Tensor], NodeReport]:
    loaded: dict[str, Tensor] = {}
    mismatched: list[Mismatch] = []
    resized: list[Mismatch] = []
    for name, tensor in found.items():
        shape = tuple(expected[name].shape)
        mismatch = Mismatch(name, shape, tuple(tensor.shape))
        if mismatch.found == shape:
            loaded[name] = tensor
        elif (fitting := _resize(name, tensor, shape, resize)) is not None:
            loaded[name] = fitting
            resized.append(mismatch)
        else:
            mismatched.append(mismatch)
    missing = tuple(name for name in expected if name not in found and not may_be_missing(name))
    report = NodeReport(tuple(loaded), missing, (), tuple(mismatched), tuple(resized))
    return loaded, report


def _resize(
    name: str, tensor: Tensor, shape: tuple[int, ...], resize: Resize | None
) -> Tensor | None:
    """The tensor in another shape, if its node type resizes it to that.

    Raises:
        CheckpointError: the node type fails to.
    """
    if resize is None:
        return None
    try:
        found = resize(name, tensor, shape)
    except Exception as error:
        raise CheckpointError(
            f"The node type fails to resize '{name}' from {tuple(tensor.shape)} to {shape}: "
            f"{describe_error(error)}"
        ) from error
    return found if found is not None and tuple(found.shape) == shape else None


def _sort_leftovers(
    keys: Iterable[str],
    *,
    targets: Collection[str],
    prefix_of: Mapping[str, str],
    partial: bool,
    by_suffix: bool,
) -> _Leftovers:
    # Keys that are matched by their ending do not tell which node they would belong to.
    may_hold_more = partial or (by_suffix and not prefix_of.keys() <= set(targets))
    unexpected: dict[str, list[str]] = {}
    ignored, unused = [], []
    places = _Places(prefix_of, targets)
    for key in keys:
        owner = places.find_owner(key)
        if is_ignored(key, by_suffix=by_suffix):
            ignored.append(key)
        elif owner in targets:
            unexpected.setdefault(str(owner), []).append(key)
        elif may_hold_more or owner is not None:
            unused.append(key)
        else:
            unexpected.setdefault(places.find_nearest(key), []).append(key)
    return _Leftovers(unexpected, tuple(ignored), tuple(unused))


class _Places:
    """Where in a graph keys belong that no node took.

    Args:
        prefix_of: node path -> the prefix of its keys.
        targets: the nodes that are loaded; of several with one prefix, one of these owns it.
    """

    def __init__(self, prefix_of: Mapping[str, str], targets: Collection[str]) -> None:
        self._owners: dict[str, str] = {}
        for path, prefix in prefix_of.items():
            if self._owners.setdefault(prefix, path) not in targets and path in targets:
                self._owners[prefix] = path
        self._prefixes = PrefixIndex(self._owners)
        self._beginnings = {
            ".".join(parts[:length])
            for parts in (prefix.split(".") for prefix in self._owners)
            for length in range(1, len(parts))
        }

    def find_owner(self, key: str) -> str | None:
        """The node whose prefix is the longest that a key begins with."""
        prefix = self._prefixes.find(key)
        return None if prefix is None else self._owners[prefix]

    def find_nearest(self, key: str) -> str:
        """The longest dotted beginning of a key under which any node keeps its weights."""
        place = key.rpartition(".")[0]
        while place and place not in self._beginnings:
            place = place.rpartition(".")[0]
        return place or NO_NODE


def match_by_suffix(expected: Collection[str], available: Collection[str]) -> dict[str, str]:
    """For each expected key, the longest available one that is it or ends it after a dot.

    `backbone.bottom_up.res2.0.conv1.weight` takes `res2.0.conv1.weight`, not `conv1.weight`.

    Args:
        expected: full keys of a model.
        available: keys of a checkpoint.

    Returns:
        expected key -> available key, for those that match.

    Raises:
        CheckpointError: one available key is the best for two expected ones.
    """
    known = frozenset(available)
    matches: dict[str, str] = {}
    owners: dict[str, str] = {}
    for key in expected:
        match = find_ending(key, known)
        if match is None:
            continue
        if match in owners:
            raise CheckpointError(
                f"The checkpoint's '{match}' fits both '{owners[match]}' and '{key}'. "
                "Load the nodes one at a time, naming the node."
            )
        owners[match] = key
        matches[key] = match
    return matches


def find_ending(key: str, available: Collection[str]) -> str | None:
    """The longest of some keys that is a key or ends it after a dot; None if there is none."""
    return next((ending for ending in _endings(key) if ending in available), None)


def _endings(key: str) -> Iterator[str]:
    """The key, then what follows each of its dots: from the longest to the shortest."""
    yield key
    while "." in key:
        key = key.partition(".")[2]
        yield key


def is_ignored(key: str, *, by_suffix: bool) -> bool:
    """Whether a key that no node has can be ignored.

    Args:
        key: the key as detectron2 would name it.
        by_suffix: the checkpoint is one that is matched by suffix.
    """
    if _NOT_WEIGHTS.fullmatch(key):
        return True
    return by_suffix and _CLASSIFIER.fullmatch(key) is not None


def may_be_missing(name: str) -> bool:
    """Whether a module does as well without `name` in the file.

    transformers' backbones normalise each of their levels, for which classifiers have no weights;
    a new normalisation scales by one and shifts by nothing.
    """
    last = name.rpartition(".")[2]
    return last in ("num_batches_tracked", "fed_loss_cls_weights") or _LEVEL_NORMS in name
