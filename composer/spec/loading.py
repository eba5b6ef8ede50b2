"""From a document to a `Spec`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from composer.errors import SpecError
from composer.spec.assembly import assemble
from composer.spec.conversion import beside_spec, to_graph
from composer.spec.located import Located, locate
from composer.spec.model import GraphSpec, Spec
from composer.spec.places import Place
from composer.spec.problems import Problem, ProblemLog
from composer.spec.sources import SpecSource
from composer.spec.yaml_reader import parse_value


def load_spec(
    source: SpecSource,
    *,
    params: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
) -> Spec:
    """Reads a spec and checks its form. No plugin is imported.

    Args:
        source: a file, the name of a shipped spec, or a mapping.
        params: values for params.
        settings: values for params as `name=value`, the value in YAML.

    Raises:
        SpecError: with all problems of form at once.
    """
    log = ProblemLog()
    given = {name: locate(value, "params", name) for name, value in (params or {}).items()}
    given.update(_parse_settings(settings))
    assembly = assemble(source, given, log)
    log.raise_any()
    spec = _to_spec(assembly.root, assembly.params, log)
    log.raise_any()
    return spec


def _parse_settings(settings: Sequence[str]) -> dict[str, Located]:
    given: dict[str, Located] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        place = Place("--set", pointer=setting)
        if not equals:
            raise SpecError([Problem(place, "a setting is name=value")])
        try:
            value = parse_value(text).plain()
        except SpecError as error:
            raise SpecError([Problem(place, p.message) for p in error.problems]) from None
        given[name.strip()] = locate(value, "--set", setting)
    return given


def _to_spec(root: Located, params: Mapping[str, Located], log: ProblemLog) -> Spec:
    document = root.plain()
    weights = root.get("weights")
    graph = to_graph(root, log)
    return Spec(
        name=str(document.get("name") or Path(root.place.source).stem),
        doc=str(document.get("doc") or ""),
        params={name: value.plain() for name, value in params.items()},
        graph=graph,
        weights=_weights_by_path(weights, graph),
        document=document,
        source=root.place.source,
    )


def _weights_by_path(weights: Located | None, graph: GraphSpec) -> dict[str, str]:
    """Checkpoints by node path, the outer first: a node's own is loaded over its parent's."""
    found: dict[str, str] = {}
    if weights is not None and weights.value is not None:
        if weights.is_mapping:
            found = {path: beside_spec(file) for path, file in weights.entries()}
        else:
            found = {"": beside_spec(weights)}
    for path, node in graph.walk():
        if node.weights is not None:
            found.setdefault(path, str(node.weights))
    return dict(sorted(found.items(), key=lambda item: item[0].count(".") + bool(item[0])))
