"""A spec in the making: a shipped one, and the smallest changes to the expected values."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from typing import Any

from composer.discovery import DISTRIBUTION
from composer.documents import Located, ProblemLog
from composer.language import Spec, apply_settings, read_extended, read_spec
from composer.names import find_names

_REFERENCE = re.compile(r"\$\{(\w+)\}")


class UnknownAddressError(LookupError):
    """A spec has nothing at an address."""


class Draft:
    """Changes to a shipped spec: nodes and outputs, and values by address.

    What already has its value is not written.

    Args:
        base: the shipped spec.

    Attributes:
        keys: the configuration's key of each address that was set, where it is known.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self.whole = _read(base)
        self.settings: dict[str, Any] = {}
        self.keys: dict[str, str] = {}
        self.image: dict[str, Any] = {}
        self.nodes: dict[str, Any] = {}
        self.outputs: dict[str, dict[str, Any]] = {}
        self.weights: str | None = None
        self.names: str | None = None

    def set(self, address: str, value: Any, default: Any = None, *, key: str = "") -> None:
        """Gives an address a value.

        Args:
            address: the full address of a param or of a node's configuration; `*` stands for any
                one name.
            value: the value.
            default: the node type's default, which holds where the spec says nothing.
            key: the configuration's key that has the value.

        Raises:
            UnknownAddressError: there is no such node or param.
        """
        spec = self._spec()
        address = _outermost(address, spec)
        if key:
            self.keys[address] = key
        if any(not _same(found, value) for found in _current(address, spec, default)):
            self.settings.pop(address, None)
            self.settings[address] = value

    def node_type_at(self, address: str) -> str:
        """The node type at an address, without its distribution; "" where there is none."""
        path = address.rpartition(".")[0]
        uses = {name: node.uses for name, node in self._spec().graph.walk() if node.uses}
        found = find_names(path, uses)
        return uses[found[0]].rpartition("/")[2] if found else ""

    def value_at(self, address: str, default: Any = None) -> Any:
        """The value that an address has so far; the default where the spec says nothing."""
        spec = self._spec()
        return _current(_outermost(address, spec), spec, default)[0]

    def source_of(self, address: str) -> str:
        """The param that an address has its value from, or the address."""
        return _outermost(address, self._spec())

    def has_param(self, name: str) -> bool:
        """Whether the whole spec has a param."""
        return name in self._spec().resolved.params

    def set_image(self, name: str, value: Any) -> None:
        """Says how image files are read, where it differs from what the spec says."""
        if self.image_value(name) != value:
            self.image[name] = value

    def image_value(self, name: str) -> Any:
        """How image files are read so far."""
        value = self.image.get(name, self.whole["inputs"]["batch"]["image"][name])
        reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        return self._spec().resolved.params[reference[1]].plain() if reference else value

    def put_block(self, name: str, block: str) -> None:
        """Makes a node call another nested spec, which keeps the params that both have."""
        node = self.whole["nodes"][name]
        if node.get("spec") == block:
            return
        known = _read(block).get("params", {})
        params = {key: value for key, value in node.get("params", {}).items() if key in known}
        self.nodes[name] = {"spec": block, **({"params": params} if params else {})}
        node.update(spec=block, params=params)

    def put_node(self, path: str, node: dict[str, Any]) -> None:
        """Adds a node, or changes to one, as they are written in a spec."""
        self._patch(path.split(".")).update(node)

    def put_node_type(self, name: str, uses: str) -> None:
        """Makes a node call a node type in place of a nested spec."""
        self.nodes[name] = {"uses": uses}
        self.whole["nodes"][name] = {"uses": uses}

    def drop_node(self, path: str) -> None:
        """Leaves a node out."""
        *around, name = path.split(".")
        if around:
            self._patch(around).setdefault("nodes", {})[name] = None
        else:
            self.nodes[name] = None
        self.settings = {
            address: value
            for address, value in self.settings.items()
            if not address.startswith(f"{path}.")
        }

    def put_output(self, mode: str, name: str, wire: str | list[str] | None) -> None:
        """Gives the whole graph an output in one mode; None leaves it out."""
        self.outputs.setdefault(mode, {})[name] = wire

    def nested(self, name: str) -> dict[str, Any]:
        """The nested spec that a node calls, for the caller to change."""
        return _read(self.whole["nodes"][name]["spec"])

    def value_within(self, name: str, value: Any) -> Any:
        """A value of the nested spec that a node calls, as the graph around it writes it.

        Args:
            name: the node.
            value: the value; a lone reference to a param of the nested spec is followed.
        """
        reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if reference is None:
            return value
        param = reference.group(1)
        given = self.whole["nodes"][name].get("params", {})
        if param in given and _REFERENCE.fullmatch(str(given[param])):
            return given[param]
        return self._spec().resolved.params[f"{name}.{param}"].plain()

    def document(self, name: str, doc: str) -> dict[str, Any]:
        """The spec."""
        params = {key: value for key, value in self.settings.items() if "." not in key}
        changes = {
            "params": params,
            "set": _grouped(self.settings),
            "inputs": {"batch": {"image": self.image}} if self.image else {},
            "nodes": _qualify_nodes(self.nodes),
            "outputs": self.outputs,
        }
        bases: Any = [_qualify(base) for base in (self.base, self.names) if base is not None]
        bases = bases if len(bases) > 1 else bases[0]
        document: dict[str, Any] = {"composer": 1, "name": name, "doc": doc, "extends": bases}
        document |= {key: value for key, value in changes.items() if value}
        if self.weights is not None:
            document["weights"] = self.weights
        return document

    def _spec(self) -> Spec:
        """The spec so far, with its settings applied."""
        document = {
            "composer": 1,
            "extends": _qualify(self.base),
            "nodes": _qualify_nodes(self.nodes),
            "set": self.settings,
        }
        return _checked(json.dumps(document))

    def _patch(self, path: list[str]) -> dict[str, Any]:
        node: dict[str, Any] = {"nodes": self.nodes}
        for name in path:
            node = node.setdefault("nodes", {}).setdefault(name, {})
        return node


def _qualify(name: str) -> str:
    """The name of one of our specs or node types that means the same wherever it is written."""
    return f"{DISTRIBUTION}/{name.removesuffix('.yaml')}"


def _qualify_nodes(nodes: dict[str, Any]) -> dict[str, Any]:
    """Nodes as they are written, with the names of what they call qualified."""
    found: dict[str, Any] = {}
    for name, node in nodes.items():
        found[name] = node if node is None else dict(node)
        for key in ("spec", "uses"):
            if node and node.get(key):
                found[name][key] = _qualify(node[key])
        if node and node.get("nodes"):
            found[name]["nodes"] = _qualify_nodes(node["nodes"])
    return found


@cache
def _checked(document: str) -> Spec:
    """A spec of which the node types are not known: an address means all that it may mean."""
    log = ProblemLog()
    spec = read_spec(json.loads(document), log)
    log.raise_any()
    assert spec is not None
    settings = spec.resolved.settings
    names = sorted({setting.address.rpartition(".")[2] for setting in settings})
    return apply_settings(spec, dict.fromkeys(_configs(spec), names), ProblemLog())


def _configs(spec: Spec) -> dict[str, Located]:
    """The configuration of the nodes of a spec by path."""
    return {path: node.config for path, node in spec.graph.walk() if node.uses is not None}


def _outermost(address: str, spec: Spec) -> str:
    """The param that an address has its value from, or the address."""
    path, _, key = address.rpartition(".")
    params, config = spec.resolved.params, _configs(spec).get(path)
    value = params.get(address) or (config.get(key) if config is not None else None)
    while value is not None and value.param:
        address, value = value.param, params[value.param]
    return address


def _current(address: str, spec: Spec, default: Any) -> list[Any]:
    """The values that an address has."""
    if address in spec.resolved.params:
        return [spec.resolved.params[address].plain()]
    path, _, key = address.rpartition(".")
    configs = _configs(spec)
    found = find_names(path, configs)
    if not found or (len(found) > 1 and "*" not in path):
        raise UnknownAddressError(f"there is nothing at '{address}'")
    values = [configs[name].get(key) for name in found]
    return [default if value is None else value.plain() for value in values]


def _grouped(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of nodes, those of one node together."""
    by_node: dict[str, dict[str, Any]] = {}
    for address, value in settings.items():
        node, _, key = address.rpartition(".")
        if node:
            by_node.setdefault(node, {})[key] = value
    grouped: dict[str, Any] = {}
    for node, values in by_node.items():
        if len(values) == 1:
            grouped |= {f"{node}.{key}": value for key, value in values.items()}
        else:
            grouped[node] = values
    return grouped


def _read(spec: str) -> dict[str, Any]:
    """A shipped spec, for the caller to change."""
    return copy.deepcopy(_read_once(spec))


@cache
def _read_once(spec: str) -> dict[str, Any]:
    log = ProblemLog()
    document: dict[str, Any] = read_extended(_qualify(spec), log).plain()
    log.raise_any()
    return document


def _same(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
