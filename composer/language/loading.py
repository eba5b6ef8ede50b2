"""From a document to a `Spec`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
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
from composer.language.sources import SpecSource
from composer.language.spec import GraphSpec, Spec, to_metadata
from composer.names import describe_unresolved, find_names

_LOGGER = logging.getLogger(__name__)


def load_spec(
    source: SpecSource,
    *,
    set: SettingsSource = (),
) -> Spec:
    """Reads a spec and checks its form. No plugin is imported.

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
    except SpecError as error:
        log.extend(error)
        return None
    if root.faulty:
        return None
    return _to_spec(root, resolved, log)


def log_notes(notes: Sequence[str]) -> None:
    """Logs remarks on a spec's settings."""
    for note in notes:
        _LOGGER.warning("note: %s", note)


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
        document=escape(document),
        source=root.place.source,
        resolved=resolved,
        notes=resolved.notes,
    )


def _weights_by_path(weights: Located | None, graph: GraphSpec, log: ProblemLog) -> dict[str, str]:
    """Checkpoints by node path, the outer first: a node's own is loaded over its parent's."""
    found: dict[str, str] = {}
    if weights is not None and weights.is_mapping:
        for name, file in weights.entries():
            path = _node_path(name, graph, weights.key_place(name), log)
            found[path] = beside_spec(file, log)
    elif weights is not None and weights.value is not None:
        found = {"": beside_spec(weights, log)}
    for path, node in graph.walk():
        if node.weights is not None:
            found.setdefault(path, str(node.weights))
    return dict(sorted(found.items(), key=lambda item: item[0].count(".") + bool(item[0])))


def _node_path(name: str, graph: GraphSpec, place: Place, log: ProblemLog) -> str:
    """The path of the node that a full path or a unique suffix means."""
    paths = [path for path, _ in graph.walk()]
    found = find_names(name, paths)
    if len(found) != 1:
        log.add(place, *describe_unresolved(name, found, paths, use="to load weights into"))
    return found[0] if found else name
