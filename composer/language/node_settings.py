"""Settings of nodes: finds which keys their addresses mean, once the nodes' keys are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from composer.documents import Located, Place, ProblemLog
from composer.language.settings import (
    NodeSetting,
    Override,
    Resolved,
    below,
    comes_from,
    describe_overrides,
    join,
)
from composer.language.spec import GraphSpec, Spec
from composer.names import WILDCARD, NameIndex, closest, did_you_mean


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
    application = _Application(spec.resolved, configs, keys, log if is_whole else ProblemLog())
    aliases = {name: a for name, a in spec.resolved.aliases.items() if application.names_any(a)}
    for setting in spec.resolved.settings:
        application.set(setting)
    return replace(
        spec,
        graph=_configured(spec.graph, application.configs, ""),
        document=_with_aliases(spec.document, aliases),
        resolved=replace(spec.resolved, settings=(), aliases=aliases),
        notes=(*spec.notes, *application.all_notes()),
    )


def _with_aliases(document: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    kept = {name: alias for name, alias in document.get("aliases", {}).items() if name in names}
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
        resolved: Resolved,
        configs: dict[str, Located],
        keys: Mapping[str, Sequence[str] | None],
        log: ProblemLog,
    ) -> None:
        self.resolved, self.configs, self.log = resolved, configs, log
        self.keys = {path: keys.get(path) for path in configs}
        self.addresses = {f"{p}.{k}": (p, k) for p, names in self.keys.items() for k in names or ()}
        self.index, self.paths = NameIndex(self.addresses), NameIndex(configs)
        self.unknown = [path for path, names in self.keys.items() if names is None]
        self.overrides: list[Override] = []
        self.notes: list[str] = []

    def all_notes(self) -> tuple[str, ...]:
        """The remarks on all settings."""
        params = self.resolved.params
        return (*self.notes, *describe_overrides(self.overrides, params, self.configs))

    def names_any(self, alias: NodeSetting) -> bool:
        """Whether an alias means something that can be set."""
        return bool(alias.params) or self.find(alias) is not None

    def set(self, setting: NodeSetting) -> None:
        for path, key in self.find(setting) or ():
            config = self.configs[path]
            before = config.get(key)
            if before is not None and before.param and before.param not in setting.params:
                self.overrides.append(Override(f"{path}.{key}", before.param, setting.place))
            items = {**(config.value if config.is_mapping else {}), key: setting.value}
            places = {**config.key_places, key: setting.place}
            self.configs[path] = replace(config, value=items, key_places=places)

    def find(self, setting: NodeSetting) -> list[tuple[str, str]] | None:
        """The nodes and keys that an address means; None if it is wrong, which is noted.

        Nothing is noted of what a base says about nodes that have been replaced.
        """
        scope, address, params = setting.scope, setting.address, setting.params
        log = ProblemLog() if setting.value.lapses else self.log
        last = address.rpartition(".")[2]
        found, unknown = self.index.find(address, scope), dict[str, tuple[str, str]]()
        if self.unknown and WILDCARD not in last and join(scope, address) not in self.index:
            unknown = {f"{path}.{last}": (path, last) for path in self.unknown}
            found = NameIndex([*self.addresses, *unknown]).find(address, scope)
        known = {**unknown, **self.addresses} if unknown else self.addresses
        if params:
            given = self.resolved.params
            values = {name: self.configs[known[name][0]].get(known[name][1]) for name in found}
            found = [name for name in found if not comes_from(values[name], params, given)]
        elif not found:
            self.note_missing(scope, address, setting.place, log)
            return None
        if WILDCARD not in address and len(found) + len(params) > 1:
            sure = [name for name in found if name not in unknown]
            if len(params) < 2 and len(sure) < len(found):
                note = f"{setting.place}: '{address}' is checked with the plugins only"
                self.notes.append(note)
                return []
            listing = ", ".join(sorted([*sure, *params]))
            log.add(setting.place, f"'{address}' is ambiguous; it could be {listing}")
            return None
        return [known[name] for name in found if name not in unknown]

    def note_missing(self, scope: str, address: str, place: Place, log: ProblemLog) -> None:
        part, _, key = address.rpartition(".")
        nodes = self.paths.find(part, scope) if part else []
        if len(nodes) == 1:
            hint = partial(did_you_mean, key, self.keys[nodes[0]] or (), "configuration keys")
            log.add(place, f"node '{nodes[0]}' has no configuration '{key}'", hint)
        elif nodes:
            log.add(place, f"none of {', '.join(nodes)} has a configuration '{key}'")
        elif self.paths.find(address, scope):
            message = f"'{address}' is a node: name one of its keys, or give a mapping of them"
            log.add(place, message)
        elif part or not self.unknown:
            message = f"there is nothing to set at '{address}'"
            log.add(place, message, lambda: self.suggest(scope, address))

    def suggest(self, scope: str, address: str) -> str:
        match = closest(address, self.ends(scope, address.count(".") + 1))
        return f"Did you mean '{match}'?" if match else "`composer specs NAME` lists addresses."

    def ends(self, scope: str, length: int) -> list[str]:
        """The candidates for a misspelt address of some length."""
        names = [*below(scope, self.addresses), *below(scope, self.resolved.params)]
        ends = {".".join(name.split(".")[-length:]) for name in names}
        return sorted(ends | {*names, *below(scope, self.resolved.aliases)})
