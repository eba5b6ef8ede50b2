"""From a document to a `Spec`."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from composer.documents import (
    Located,
    Place,
    ProblemLog,
    SettingsSource,
    collect_settings,
    escape,
)
from composer.errors import SpecError
from composer.language.conversion import beside_spec, to_graph
from composer.language.frozen_parts import find_frozen
from composer.language.nesting import assemble
from composer.language.node_settings import apply_settings
from composer.language.settings import Resolved
from composer.language.sources import NamedSpec, SavedSpec, SpecSource
from composer.language.spec import GraphSpec, Spec, to_metadata
from composer.names import NameIndex, describe_unresolved, did_you_mean

_LOGGER = logging.getLogger(__name__)
_MAX_NOTES = 50


def load_spec(
    source: SpecSource,
    *,
    set: SettingsSource = (),
) -> Spec:
    """Reads a spec and checks its form. No plugin is imported.

    Unknown keys and settings that can mean nothing are problems. Whether a node has the
    configuration that a setting names is seen only with its node type: `check_source` does that,
    and `composer check --form` names such settings.

    Args:
        source: a file, the name of a shipped spec, or a mapping.
        set: values for aliases, params and configuration by address, or texts of the form
            `address=value`, the value in YAML.

    Raises:
        SpecError: with all problems of form at once.
    """
    log = ProblemLog()
    spec = read_spec(source, log, set=set)
    if spec is not None:
        apply_settings(spec, {}, log)  # notes what is wrong whatever keys the node types have
    log.raise_any()
    assert spec is not None
    log_notes(spec.notes)
    return spec


def read_spec(
    source: SpecSource,
    log: ProblemLog,
    *,
    set: SettingsSource = (),
) -> Spec | None:
    """Reads as much of a spec as can be understood.

    Args:
        source: as for `load_spec`.
        log: takes the problems of form; nodes and wires that have one are marked as faulty.
        set: as for `load_spec`.

    Returns:
        The spec; None if its problems leave nothing to go on with.
    """
    try:
        root, resolved = assemble(source, collect_settings(set, log), log)
    except RecursionError:
        log.add(Place(_name_source(source)), "the spec is nested too deep")
        return None
    except SpecError as error:
        log.extend(error)
        return None
    if root.faulty:
        return None
    spec = _to_spec(root, resolved, log)
    return replace(spec, saved=source) if isinstance(source, SavedSpec) else spec


def log_notes(notes: Sequence[str]) -> None:
    """Logs remarks on a spec's settings."""
    for note in notes[:_MAX_NOTES]:
        _LOGGER.warning("note: %s", note)
    if len(notes) > _MAX_NOTES:
        _LOGGER.warning("note: there are %d more remarks of this kind", len(notes) - _MAX_NOTES)


def log_unchecked(spec: Spec) -> None:
    """Logs which settings of a spec cannot be checked without its node types."""
    log_notes(apply_settings(spec, {}, ProblemLog()).notes[len(spec.notes) :])


def _to_spec(root: Located, resolved: Resolved, log: ProblemLog) -> Spec:
    document = root.plain()
    graph = to_graph(root, log)
    params = {name: value for name, value in resolved.params.items() if "." not in name}
    return Spec(
        name=str(document.get("name") or Path(root.place.source).stem),
        doc=str(document.get("doc") or ""),
        params={name: value.plain() for name, value in params.items()},
        graph=graph,
        weights=_weights_by_path(root.get("weights"), graph, log),
        freeze=find_frozen(graph, log),
        metadata=to_metadata(root.get("metadata")),
        metadata_places=_find_places(root.get("metadata")),
        document=escape(document),
        source=root.place.source,
        resolved=resolved,
        notes=resolved.notes,
    )


def _find_places(metadata: Located | None) -> dict[str, Place]:
    if metadata is None or not metadata.is_mapping:
        return {}
    return {key: value.place for key, value in metadata.entries()}


def _weights_by_path(weights: Located | None, graph: GraphSpec, log: ProblemLog) -> dict[str, str]:
    """Checkpoints by node path, the outer first: a node's own is loaded over its parent's."""
    found: dict[str, str] = {}
    if weights is not None and weights.is_mapping:
        index = NameIndex([path for path, _ in graph.walk()])
        for name, file in weights.entries():
            path = _node_path(name, index, weights.key_place(name), log)
            found[path] = beside_spec(file, log)
    elif weights is not None and weights.value is not None:
        found = {"": beside_spec(weights, log)}
    for path, node in graph.walk():
        if node.weights is not None:
            found.setdefault(path, str(node.weights))
    return dict(sorted(found.items(), key=lambda item: item[0].count(".") + bool(item[0])))


def _node_path(name: str, paths: NameIndex, place: Place, log: ProblemLog) -> str:
    """The path of the node that a full path or a unique suffix means."""
    found = paths.find(name)
    if len(found) != 1:
        message = describe_unresolved(name, found, (), use="to load weights into")[0]
        log.add(place, message, "" if found else lambda: did_you_mean(name, paths.names, "nodes"))
    return found[0] if found else name


def _name_source(source: SpecSource) -> str:
    if isinstance(source, SavedSpec):
        return source.file
    if isinstance(source, NamedSpec):
        return source.origin
    return "<dict>" if isinstance(source, Mapping) else os.fspath(source)
