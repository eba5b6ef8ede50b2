"""Settings by address: resolves aliases and settings of params; those of nodes wait."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from composer.documents import (
    Located,
    Place,
    ProblemLog,
    Repetitions,
    Setting,
    describe_held,
    read_settings,
)
from composer.names import WILDCARD, NameIndex

_RESOLVED = ("nodes", "set", "aliases")  # the keys of a node that settings are about


@dataclass(frozen=True)
class NodeSetting:
    """A value, or an alias, of what an address means; nodes' keys are not known without plugins.

    Args:
        scope: path of the nested graph that the address counts from; empty for the whole graph.
        address: the address, without aliases.
        value: the value; of an alias, the address as written.
        place: where the address stands.
        params: the params that it means, by address; several where it is ambiguous.
        section: as of a `Setting`.
    """

    scope: str
    address: str
    value: Located
    place: Place
    params: tuple[str, ...] = ()
    section: Place | None = None


@dataclass(frozen=True)
class Resolved:
    """The resolved settings of a spec.

    Args:
        values: values of params by address.
        settings: settings of nodes, the later over the earlier.
        aliases: short names by their own address.
        params: the params' values by address.
        notes: remarks, as text.
        param_uses: addresses of configuration by the param that they have their value from; see
            `find_param_uses`.
    """

    values: Mapping[str, Located] = field(default_factory=dict)
    settings: tuple[NodeSetting, ...] = ()
    aliases: Mapping[str, NodeSetting] = field(default_factory=dict)
    params: Mapping[str, Located] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    param_uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def resolve_settings(
    root: Located,
    settings: Sequence[Setting],
    params: Mapping[str, Located],
    handed: Mapping[str, Located],
    log: ProblemLog,
) -> tuple[Located, Resolved]:
    """Resolves the settings of a document, those of params to their values.

    Args:
        root: a document without references to others.
        settings: settings from outside, over those of the document.
        params: the params' values by address.
        handed: of params that are set, what nested graphs were handed.
        log: takes addresses that are none.

    Returns:
        The document without what has been resolved, and what was found.
    """
    resolution = _Resolution(root, params, handed, log)
    return resolution.graph(root, "", settings), resolution.resolved()


def join(scope: str, name: str) -> str:
    """A name in a nested graph as one in the whole graph."""
    return f"{scope}.{name}" if scope else name


def below(scope: str, addresses: Mapping[str, object] | Sequence[str]) -> list[str]:
    """The addresses in a nested graph, as it names them itself."""
    prefix = f"{scope}." if scope else ""
    return [name.removeprefix(prefix) for name in addresses if name.startswith(prefix)]


def comes_from(
    value: Located | None, sources: Collection[str], params: Mapping[str, Located]
) -> bool:
    """Whether a value comes from one of some params, be it by way of others."""
    param = value.param if value is not None else ""
    while param and param not in sources:
        param = params[param].param
    return bool(param)


class _Resolution:
    """Visits the graphs of a document, the inner before the outer."""

    def __init__(
        self,
        root: Located,
        params: Mapping[str, Located],
        handed: Mapping[str, Located],
        log: ProblemLog,
    ) -> None:
        self.params, self.handed, self.log = params, handed, log
        self.nodes = dict(_walk(root, ""))
        self.node_names, self.param_names = NameIndex(self.nodes), NameIndex(params)
        self.repetitions = Repetitions(log)
        self.overrides: list[Override] = []
        self.notes: list[str] = []
        self.values: dict[str, Located] = {}
        self.settings: list[NodeSetting] = []
        self.aliases: dict[str, NodeSetting] = {}
        for scope, graph in [("", root), *self.nodes.items()]:
            section = graph.get("aliases")
            if section is None or section.faulty:
                continue
            for name, target in section.entries():
                found = tuple(self.find_params(scope, str(target.value)))
                alias = NodeSetting(scope, str(target.value), target, target.place, found)
                if not self.is_lost(alias):
                    self.note_hidden(join(scope, name), section.key_place(name))
                    self.aliases[join(scope, name)] = alias

    def note_hidden(self, name: str, place: Place) -> None:
        """Notes that an alias stands before what has its name."""
        for kind, names in (("param", self.params), ("node", self.nodes)):
            if name in names:
                self.notes.append(f"{place}: the alias '{name}' hides the {kind} '{name}'")

    def resolved(self) -> Resolved:
        params = {
            address: self.values.get(address, value) for address, value in self.params.items()
        }
        configs = {path: node.get("with") or node for path, node in self.nodes.items()}
        notes = describe_overrides(self.overrides, params, configs)
        return Resolved(
            self.values, tuple(self.settings), self.aliases, self.params, (*self.notes, *notes)
        )

    def graph(self, item: Located, path: str, outside: Sequence[Setting] = ()) -> Located:
        """Resolves the settings of a graph; returns it with those that are left."""
        if not item.is_mapping or (path and item.value.keys().isdisjoint(_RESOLVED)):
            return item
        items, nodes, section = dict(item.value), item.get("nodes"), item.get("set")
        if nodes is not None and nodes.is_mapping:
            inner = {n: self.graph(node, join(path, n)) for n, node in nodes.entries()}
            items["nodes"] = replace(nodes, value=inner)
        left: dict[str, Located] = {}
        for setting in [*read_settings(section, self.log), *outside]:
            for one in self.resolve(setting, path):
                left.pop(one.address, None)
                left[one.address] = one.value
        if nodes is not None:  # without, it is a problem for whoever makes the node
            items.pop("set", None)
        if left and nodes is not None:
            items["set"] = Located(left, item.place)
        self.keep_aliases(items, path)
        return replace(item, value=items)

    def keep_aliases(self, items: dict[str, Located], path: str) -> None:
        """Leaves the whole graph's aliases of what nodes have; params are gone."""
        section = items.pop("aliases", None)
        if section is None or path or section.faulty:
            return
        names = {name for name, alias in self.aliases.items() if not alias.params}
        if kept := {name: target for name, target in section.entries() if name in names}:
            items["aliases"] = replace(section, value=kept)

    def resolve(self, setting: Setting, scope: str) -> Iterator[Setting]:
        """Sets params; yields the settings of nodes, by addresses that count from `scope`."""
        alias = self.aliases.get(join(scope, setting.address))
        start, within = (alias.scope, alias.address) if alias else (scope, setting.address)
        setting = replace(setting, address=below(scope, [join(start, within)])[0])
        is_param = join(start, within) in self.params
        if setting.value.is_mapping and not is_param and self.names_node(start, within):
            for inner in setting.spread(setting.address):
                yield from self.resolve(inner, scope)
            return
        params = self.find_params(start, within)
        if len(params) == 1 or WILDCARD in within:
            for address in params:
                self.set_param(address, setting)
        found = NodeSetting(
            start, within, setting.value, setting.place, tuple(params), setting.section
        )
        if join(start, within) in params or self.is_lost(found):
            return
        self.settings.append(found)
        if not params:
            yield setting

    def is_lost(self, setting: NodeSetting) -> bool:
        """Whether the node that a base's setting or alias names has been replaced."""
        node = setting.address.rpartition(".")[0]
        is_kept = setting.params or not node or self.names_node(setting.scope, node)
        return setting.value.lapses and not is_kept

    def names_node(self, scope: str, address: str) -> bool:
        return bool(self.node_names.find(address, scope))

    def find_params(self, scope: str, address: str) -> list[str]:
        """The params that an address can mean."""
        found = self.param_names.find(address, scope)
        if WILDCARD in address:
            return found
        # Where one is handed on to another, the outer stands for both.
        return [one for one in found if not comes_from(self.params[one], found, self.params)]

    def set_param(self, address: str, setting: Setting) -> None:
        if not setting.is_pattern:
            self.repetitions.note(address, setting.section, setting.place)
        self.values.pop(address, None)
        self.values[address] = setting.value
        held = self.handed.get(address, self.params[address])
        if held.param:
            self.overrides.append(Override(address, held.param, setting.place))


class Override(NamedTuple):
    """A setting that replaces the value of a param.

    Args:
        address: the address that is set.
        param: the param, by address.
        place: where the setting stands.
    """

    address: str
    param: str
    place: Place


def describe_overrides(
    overrides: Sequence[Override],
    params: Mapping[str, Located],
    configs: Mapping[str, Located],
) -> tuple[str, ...]:
    """The notes about settings that replace the values of params.

    Args:
        overrides: the settings.
        params: the params' values by address, after all settings.
        configs: the configuration of nodes by path, after all settings.
    """
    if not overrides:
        return ()
    users: dict[str, list[str]] = {}
    for name, value in params.items():
        users.setdefault(value.param, []).append(name)
    for path, config in configs.items():
        for key, value in config.entries():
            users.setdefault(value.param, []).append(f"{path}.{key}")
    return tuple(
        describe_held(one.address, one.param, one.place, users.get(one.param, ()))
        for one in {one.address: one for one in overrides}.values()  # the last one counts
    )


def _walk(item: Located, path: str) -> Iterator[tuple[str, Located]]:
    """The nodes and nested graphs of a graph by path."""
    nodes = item.get("nodes")
    for name, node in nodes.entries() if nodes is not None else ():
        yield join(path, name), node
        yield from _walk(node, join(path, name))
