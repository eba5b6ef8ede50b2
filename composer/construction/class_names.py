"""The names of classes and keypoints that a spec has, compared with the numbers of its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import get_args

import networkx as nx

from composer.blueprint import Blueprint
from composer.construction.class_counts import depends_on_classes
from composer.documents import Place, ProblemLog
from composer.language import Spec
from composer.names import group_names
from composer.plurals import count_noun
from composer.structures import SemanticLogits

_CLASSES, _KEYPOINTS = "num_classes", "num_keypoints"
_FIRST, _INSTANCES = "first_class", "instances"
_NOUNS = {
    "thing_classes": ("class", "classes"),
    "stuff_classes": ("class of stuff", "classes of stuff"),
    "keypoint_names": ("keypoint", "keypoints"),
}  # of one, and of several
# What belongs to the names of a kind, and goes with them.
_PARTS = {
    "thing_classes": ("thing_ids", "thing_colors"),
    "stuff_classes": ("stuff_ids", "stuff_colors"),
    "keypoint_names": ("keypoint_flip_pairs",),
}


def count_classes(blueprint: Blueprint) -> Mapping[str, Mapping[str, int]]:
    """The numbers of classes and keypoints of a model, by key of the metadata and by address.

    Args:
        blueprint: a checked spec, or a part of one.
    """
    counts: dict[str, dict[str, int]] = {kind: {} for kind in _NOUNS}
    semantic = _find_semantic(blueprint)
    for path, node in blueprint.nodes.items():
        for key in (_CLASSES, _KEYPOINTS):
            value = node.config.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                kind = "stuff_classes" if path in semantic else "thing_classes"
                kind = "keypoint_names" if key == _KEYPOINTS else kind
                counts[kind][f"{path}.{key}"] = value
    return counts


def find_first_class(blueprint: Blueprint) -> int:
    """The number that a model gives to its first class: `first_class` of its last node.

    Args:
        blueprint: a checked spec, or a part of one.
    """
    instances = blueprint.outputs.get("inference", {}).get(_INSTANCES)
    for slot in () if instances is None else instances.slots:
        node = blueprint.nodes.get(slot.path)
        value = None if node is None else node.config.get(_FIRST)
        if isinstance(value, int):
            return value
    return 0


def _find_semantic(blueprint: Blueprint) -> set[str]:
    """The nodes whose classes are those of pixels.

    They give semantic logits, or are given what depends on the classes of such a node.
    """
    nodes = blueprint.nodes
    heads = [path for path, node in nodes.items() if any(map(_is_semantic, node.outputs.values()))]
    if not heads:
        return set()
    passed: nx.DiGraph[str] = nx.DiGraph()
    passed.add_nodes_from(nodes)
    for node in nodes.values():
        for mode, arguments in node.arguments.items():
            for slot in chain.from_iterable(endpoint.slots for endpoint in arguments.values()):
                giver = nodes.get(slot.path)
                kind = None if giver is None else giver.outputs_in(mode).get(slot.port)
                if depends_on_classes(kind) or _is_semantic(kind):
                    passed.add_edge(slot.path, node.path)
    return {*heads}.union(*(nx.descendants(passed, head) for head in heads))


def _is_semantic(kind: object) -> bool:
    return kind == SemanticLogits or any(map(_is_semantic, get_args(kind)))


def check_class_names(blueprint: Blueprint, spec: Spec, log: ProblemLog) -> None:
    """Notes names that are of another number than the classes that they are to be the names of.

    Args:
        blueprint: the checked spec.
        spec: the spec, with the metadata to check.
        log: takes the problems.
    """
    for kind, message in _list_differences(blueprint, spec):
        place = spec.metadata_places.get(kind, Place(spec.source))
        log.add(place, message, "Each class has a name, in the order of the model's classes.")


def require_class_names(blueprint: Blueprint, spec: Spec) -> None:
    """Checks that the metadata of a spec fit a model.

    Raises:
        SpecError: there are more or fewer names than classes.
    """
    log = ProblemLog()
    check_class_names(blueprint, spec, log)
    log.raise_any()


def with_fitting_names(blueprint: Blueprint, spec: Spec) -> Spec:
    """The spec without names of another number than its classes, which is noted.

    Twins in its own document are noted, too; those of a dataset are a fault of the dataset.
    """
    notes, metadata, written = [], spec.metadata, spec.metadata_places
    for kind, message in _list_differences(blueprint, spec):
        notes.append(f"{message}; these names are left out")
        metadata = metadata.model_copy(update=dict.fromkeys((kind, *_PARTS[kind]), ()))
    if notes:
        spec = spec.with_metadata(metadata)
    for kind in (kind for kind in _NOUNS if kind in written):
        names = getattr(metadata, kind)
        for group in group_names(names):
            spelled = ", ".join(f"'{name}'" for name in dict.fromkeys(names[at] for at in group))
            numbers = ", ".join(map(str, group))
            message = f"metadata.{kind} has {spelled} {len(group)} times, at {numbers}"
            notes.append(f"{message}: they stay apart by number")
    return spec.with_notes(notes)


def _list_differences(blueprint: Blueprint, spec: Spec) -> Iterator[tuple[str, str]]:
    """The kinds of names that do not fit, with a message each."""
    named = {kind: getattr(spec.metadata, kind) for kind in _NOUNS}
    for kind, counts in count_classes(blueprint).items() if any(named.values()) else ():
        names = named[kind]
        if names and counts and len(names) not in counts.values():
            address, count = next(iter(counts.items()))
            yield (
                kind,
                f"metadata.{kind} has {count_noun(len(names), 'name')}, but the model has {count} "
                f"{_NOUNS[kind][count != 1]} ({address}: {count})",
            )
