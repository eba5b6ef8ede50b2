"""Settings of nodes: finds which keys their addresses mean, once the nodes' keys are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from composer.documents import Located, Place, ProblemLog
from composer.language.settings import (
    Alias,
    NodeSetting,
    Resolved,
    below,
    describe_override,
    join,
)
from composer.language.spec import GraphSpec, Spec
from composer.names import WILDCARD, closest, did_you_mean, find_names


def apply_settings(spec: Spec, keys: Mapping[str, Sequence[str] | None], log: ProblemLog) -> Spec:
    """Gives the nodes of a spec the configuration that its settings say.

    Args:
        spec: the spec.
        keys: the configuration keys of node types, by path of the node; None where they are not
            known.
        log: takes addresses that mean nothing, or several things.

    Returns:
        The spec without settings.
    """
    if not (spec.resolved.settings or spec.resolved.aliases):
        return spec
    nodes = dict(spec.graph.walk())
    configs = {path: node.config for path, node in nodes.items() if node.uses is not None}
    # A node with a problem may be what is meant: nothing is said of addresses then.
    is_whole = not any(node.faulty for node in nodes.values())
    keys = {path: keys.get(path) for path in configs}
    application = _Application(configs, keys, spec.resolved, log if is_whole else ProblemLog())
    lost = {name for name, alias in spec.resolved.aliases.items() if application.is_lost(alias)}
    for alias in map(spec.resolved.aliases.__getitem__, sorted(lost)):
        if alias.place.source == spec.source:  # a base may name what this spec has replaced
            application.find(alias.scope, alias.address, alias.place, ())
    for setting in spec.resolved.settings:
        application.set(setting)
    return replace(
        spec,
        graph=_configured(spec.graph, application.configs, ""),
        document=_without_aliases(spec.document, lost),
        resolved=replace(
            spec.resolved,
            settings=(),
            aliases={n: a for n, a in spec.resolved.aliases.items() if n not in lost},
        ),
        notes=(*spec.notes, *application.notes),
    )


def _without_aliases(document: Mapping[str, Any], lost: Collection[str]) -> Mapping[str, Any]:
    kept = {n: a for n, a in document.get("aliases", {}).items() if n not in lost}
    others = {key: value for key, value in document.items() if key != "aliases"}
    return {**others, "aliases": kept} if kept else others


def _configured(graph: GraphSpec, configs: Mapping[str, Located], scope: str) -> GraphSpec:
    nodes = {}
    for name, node in graph.nodes.items():
        path = join(scope, name)
        inner = None if node.graph is None else _configured(node.graph, configs, path)
        nodes[name] = replace(node, graph=inner, config=configs.get(path, node.config))
    return replace(graph, nodes=nodes)


class _Application:
    """Applies settings one after the other."""

    def __init__(
        self,
        configs: dict[str, Located],
        keys: Mapping[str, Sequence[str] | None],
        resolved: Resolved,
        log: ProblemLog,
    ) -> None:
        self.configs, self.keys, self.resolved, self.log = configs, keys, resolved, log
        self.addresses = {f"{p}.{k}": (p, k) for p, names in keys.items() for k in names or ()}
        self.notes: list[str] = []

    def is_lost(self, alias: Alias) -> bool:
        """Whether an alias means nothing, or several things."""
        if alias.params:
            return False
        trial = _Application(self.configs, self.keys, self.resolved, ProblemLog())
        trial.find(alias.scope, alias.address, alias.place, ())
        return bool(trial.log)

    def set(self, setting: NodeSetting) -> None:
        found = self.find(setting.scope, setting.address, setting.place, setting.params)
        for path, key in found:
            config = self.configs[path]
            value, before = setting.value, config.get(key)
            if before is not None and before.param and before.param not in setting.params:
                self.notes.append(self.note(f"{path}.{key}", before.param, setting.place))
            items = {**(config.value if config.is_mapping else {}), key: value}
            places = {**config.key_places, key: setting.place}
            self.configs[path] = replace(config, value=items, key_places=places)

    def note(self, address: str, param: str, place: Place) -> str:
        return describe_override(address, param, place, self.resolved.params, self.configs)

    def find(
        self, scope: str, address: str, place: Place, params: Sequence[str]
    ) -> list[tuple[str, str]]:
        """The nodes and keys that an address means; a note in the log if that is wrong."""
        last = address.rpartition(".")[2]
        unknown = {f"{p}.{last}": (p, last) for p, keys in self.keys.items() if keys is None}
        known = {**self.addresses, **({} if WILDCARD in last else unknown)}
        found = [join(scope, name) for name in find_names(address, below(scope, known))]
        if params:
            found = [name for name in found if not self.is_fed(*known[name], params)]
        if WILDCARD not in address and len(found) + len(params) > 1:
            if len(params) > 1 or not any(name in unknown for name in found):
                sure = [name for name in found if name not in unknown]
                listing = ", ".join(sorted([*sure, *params]))
                self.log.add(place, f"'{address}' is ambiguous; it could be {listing}")
            return []
        if not found and not params:
            self.note_missing(scope, address, place)
        return [known[name] for name in found if self.keys[known[name][0]] is not None]

    def is_fed(self, path: str, key: str, params: Sequence[str]) -> bool:
        value = self.configs[path].get(key)
        feeding = value.param if value is not None else ""
        while feeding and feeding not in params:
            feeding = self.resolved.params[feeding].param
        return bool(feeding)

    def note_missing(self, scope: str, address: str, place: Place) -> None:
        part, _, key = address.rpartition(".")
        paths = below(scope, self.configs)
        nodes = [join(scope, name) for name in find_names(part, paths)] if part else []
        if len(nodes) == 1:
            hint = did_you_mean(key, self.keys[nodes[0]] or (), "configuration keys")
            self.log.add(place, f"node '{nodes[0]}' has no configuration '{key}'", hint)
        elif nodes:
            self.log.add(place, f"none of {', '.join(nodes)} has a configuration '{key}'")
        elif find_names(address, paths):
            message = f"'{address}' is a node: name one of its keys, or give a mapping of them"
            self.log.add(place, message)
        elif part or None not in self.keys.values():
            match = closest(address, self.ends(scope, address.count(".") + 1))
            hint = f"Did you mean '{match}'?" if match else "`composer specs NAME` lists addresses."
            self.log.add(place, f"there is nothing to set at '{address}'", hint)

    def ends(self, scope: str, length: int) -> list[str]:
        """What may be written as an address of some length."""
        names = [*below(scope, self.addresses), *below(scope, self.resolved.params)]
        ends = {".".join(name.split(".")[-length:]) for name in names}
        return sorted(ends | {*names, *below(scope, self.resolved.aliases)})
