"""Settings of nodes: finds which keys their addresses mean, once the nodes' keys are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from composer.documents import Located, ProblemLog, Repetitions
from composer.language.keys import RECOMPUTE, SpecDocument
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
from composer.names import WILDCARD, NameIndex, did_you_mean, find_alike, hint_at

_SECTIONS = frozenset(each.alias or name for name, each in SpecDocument.model_fields.items())
_REMEDY = "name one of its settings, or give a mapping of them"
_MAX_LISTED = 8  # settings in a hint
_MAX_HEADS = 20
_OF_EXPERIMENTS = "model"  # the section of a spec's addresses in an experiment


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
    graphs = [path for path, node in nodes.items() if node.graph is not None]
    log = log if is_whole else ProblemLog()
    application = _Application(spec.resolved, configs, graphs, nodes, keys, log)
    aliases = {name: a for name, a in spec.resolved.aliases.items() if application.names_any(a)}
    application.keep_quiet_about(spec.resolved.aliases, aliases)
    for setting in spec.resolved.settings:
        application.set(setting)
    return replace(
        spec,
        graph=_configured(spec.graph, application, ""),
        document=_recomputed(_with_aliases(spec.document, aliases), application.recompute, ""),
        resolved=replace(spec.resolved, settings=(), aliases=aliases),
        notes=(*spec.notes, *application.all_notes()),
    )


def _with_aliases(document: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    kept = {name: alias for name, alias in document.get("aliases", {}).items() if name in names}
    others = {key: value for key, value in document.items() if key != "aliases"}
    return {**others, "aliases": kept} if kept else others


def _recomputed(
    document: Mapping[str, Any], values: Mapping[str, bool | None], scope: str
) -> Mapping[str, Any]:
    """The document of a spec, or that of a node, whose nodes say what settings say."""
    if not values or not isinstance(document.get("nodes"), dict):
        return document
    nodes = {}
    for name, node in document["nodes"].items():
        path = join(scope, name)
        inner = _recomputed(node, values, path)
        nodes[name] = {**inner, RECOMPUTE: values[path]} if path in values else inner
    return {**document, "nodes": nodes}


def _configured(graph: GraphSpec, application: _Application, scope: str) -> GraphSpec:
    nodes = {}
    for name, node in graph.nodes.items():
        path = join(scope, name)
        inner = None if node.graph is None else _configured(node.graph, application, path)
        config = application.configs.get(path, node.config)
        recompute = application.recompute.get(path, node.recompute)
        nodes[name] = replace(node, graph=inner, config=config, recompute=recompute)
    return replace(graph, nodes=nodes)


def _count_dots(name: str) -> int:
    return name.count(".")


class _Application:
    """Applies settings one after the other."""

    def __init__(
        self,
        resolved: Resolved,
        configs: dict[str, Located],
        graphs: Collection[str],
        nodes: Collection[str],
        keys: Mapping[str, Sequence[str] | None],
        log: ProblemLog,
    ) -> None:
        self.resolved, self.configs, self.log = resolved, configs, log
        self.keys = {path: keys.get(path) for path in configs}
        self.addresses = {f"{p}.{k}": (p, k) for p, names in self.keys.items() for k in names or ()}
        self.index, self.paths = NameIndex(self.addresses), NameIndex(configs)
        self.graphs = NameIndex(graphs)
        self.wholes = NameIndex(nodes)
        self.recompute: dict[str, bool | None] = {}
        self.wrong: set[tuple[str, str]] = set()
        self.unknown = [path for path, names in self.keys.items() if names is None]
        self.repetitions = Repetitions(log)
        self.overrides: list[Override] = []
        self.notes: list[str] = []

    def all_notes(self) -> tuple[str, ...]:
        """The remarks on all settings."""
        params = self.resolved.params
        return (*self.notes, *describe_overrides(self.overrides, params, self.configs))

    def names_any(self, alias: NodeSetting) -> bool:
        """Whether an alias means something that can be set."""
        return (
            bool(alias.params) or self.find(alias, "an alias is of one of its settings") is not None
        )

    def keep_quiet_about(self, aliases: Mapping[str, NodeSetting], kept: Collection[str]) -> None:
        """Says nothing of settings by the aliases that were found to be wrong."""
        wrong = [alias for name, alias in aliases.items() if name not in kept]
        self.wrong = {(alias.scope, alias.address) for alias in wrong}

    def set(self, setting: NodeSetting) -> None:
        for path, key in self.find(setting) or ():
            if WILDCARD not in setting.address:
                self.repetitions.note(f"{path}.{key}", setting.section, setting.place)
            if f"{path}.{key}" not in self.addresses:
                self.set_recompute(path, setting)
                continue
            config = self.configs[path]
            before = config.get(key)
            if before is not None and before.param and before.param not in setting.params:
                self.overrides.append(Override(f"{path}.{key}", before.param, setting.place))
            items = {**(config.value if config.is_mapping else {}), key: setting.value}
            places = {**config.key_places, key: setting.place}
            self.configs[path] = replace(config, value=items, key_places=places)

    def find(self, setting: NodeSetting, remedy: str = _REMEDY) -> list[tuple[str, str]] | None:
        """The nodes and keys that an address means; None if it is wrong, which is noted.

        Nothing is noted of what a base says about nodes that have been replaced.
        """
        scope, address, params = setting.scope, setting.address, setting.params
        is_quiet = setting.value.lapses or (scope, address) in self.wrong
        log = ProblemLog() if is_quiet else self.log
        if not params and (wholes := self.find_wholes(scope, address)):
            if WILDCARD in address or len(wholes) == 1:
                return [(path, RECOMPUTE) for path in wholes]
            self.note_ambiguous(setting, [f"{path}.{RECOMPUTE}" for path in wholes], log)
            return None
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
            self.note_missing(setting, remedy, log)
            return None
        if WILDCARD not in address and len(found) + len(params) > 1:
            sure = [name for name in found if name not in unknown]
            if len(params) < 2 and len(sure) < len(found):
                note = f"{setting.place}: '{address}' is checked with the plugins only"
                self.notes.append(note)
                return []
            self.note_ambiguous(setting, [*sure, *params], log)
            return None
        return [known[name] for name in found if name not in unknown]

    def find_wholes(self, scope: str, address: str) -> list[str]:
        """The nodes and nested graphs whose `recompute` an address means.

        The key of a node type's configuration that is called so comes first.
        """
        whole, _, key = address.rpartition(".")
        if key != RECOMPUTE or self.index.find(address, scope):
            return []
        if not whole:
            return [scope] if scope else []
        return self.wholes.find(whole, scope)

    def set_recompute(self, path: str, setting: NodeSetting) -> None:
        value = setting.value.value
        if value is None or isinstance(value, bool):
            self.recompute[path] = value
        else:
            message = f"'{setting.address}' is true or false, not {setting.value.plain()!r:.40}"
            self.log.add(setting.value.place, message)

    def note_ambiguous(self, setting: NodeSetting, names: list[str], log: ProblemLog) -> None:
        listing = ", ".join(sorted(names))
        log.add(setting.place, f"'{setting.address}' is ambiguous; it could be {listing}")

    def note_missing(self, setting: NodeSetting, remedy: str, log: ProblemLog) -> None:
        scope, address, place = setting.scope, setting.address, setting.place
        part, _, key = address.rpartition(".")
        nodes = self.paths.find(part, scope) if part else []
        if len(nodes) == 1:
            hint = partial(did_you_mean, key, self.keys[nodes[0]] or (), "configuration keys")
            log.add(place, f"node '{nodes[0]}' has no configuration '{key}'", hint)
        elif nodes:
            log.add(place, f"none of {', '.join(nodes)} has a configuration '{key}'")
        elif message := self.describe_whole(scope, address, remedy):
            log.add(place, message, lambda: self.list_settings(scope, address))
        elif part or not self.unknown:
            message = f"there is nothing to set at '{address}'"
            log.add(place, message, lambda: self.suggest(scope, address))

    def describe_whole(self, scope: str, address: str, remedy: str) -> str:
        """The message for what has settings and is none itself; empty if it is no such thing."""
        if self.paths.find(address, scope):
            kind = "node"
        elif self.graphs.find(address, scope):
            kind = "nested graph"
        elif not scope and address in _SECTIONS:
            return f"'{address}' is a section of the spec; settings are of params and nodes"
        elif join(scope, address) in self.resolved.aliases:
            return f"'{address}' is an alias itself; an alias is of a param or of a node's setting"
        else:
            return ""
        return f"'{address}' is a {kind}: {remedy}"

    def list_settings(self, scope: str, address: str) -> str:
        """A hint: the first settings below an address, or of the whole graph."""
        owners = self.paths.find(address, scope) or self.graphs.find(address, scope) or [""]
        names = sorted(below(owners[0], [*self.resolved.params, *self.addresses]), key=_count_dots)
        if not names:
            return "It has none." if owners[0] else ""
        shown = [join(owners[0], name) for name in names[:_MAX_LISTED]]
        return f"Settings: {', '.join(shown)}{', ...' if len(names) > len(shown) else '.'}"

    def suggest(self, scope: str, address: str) -> str:
        section, _, rest = address.partition(".")
        if section == _OF_EXPERIMENTS and (not rest or self.means_any(scope, rest)):
            without = f": '{rest}'" if rest else ""
            return f"Addresses in a spec go without '{section}.', unlike an experiment's{without}."
        if section == "params" and self.means_any(scope, rest):
            return f"Params are set by their names alone: '{rest}'."
        ends = self.ends(scope, address.count(".") + 1)
        if address.endswith(f".{RECOMPUTE}"):
            ends = [f"{path}.{RECOMPUTE}" for path in below(scope, self.wholes.names)]
        if found := find_alike(address, ends):
            return hint_at(found)
        names = [*self.resolved.aliases, *self.resolved.params, *self.addresses]
        heads = sorted({name.partition(".")[0] for name in below(scope, names)})
        shown = ", ".join(heads[:_MAX_HEADS]) + ", ..." * (len(heads) > _MAX_HEADS)
        return f"Addresses begin with: {shown}. `composer specs` lists all of a spec's."

    def means_any(self, scope: str, address: str) -> bool:
        """Whether an address means a param or a node's setting."""
        params = NameIndex(self.resolved.params)
        found = self.index.find(address, scope) or params.find(address, scope)
        return bool(found or self.find_wholes(scope, address))

    def ends(self, scope: str, length: int) -> list[str]:
        """The candidates for a misspelt address of some length."""
        names = [*below(scope, self.addresses), *below(scope, self.resolved.params)]
        ends = {".".join(name.split(".")[-length:]) for name in names}
        return sorted(ends | {*names, *below(scope, self.resolved.aliases)})
