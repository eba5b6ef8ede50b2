"""A spec in the making: a shipped one, and the smallest changes that give the wanted values."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from composer.documents import ProblemLog
from composer.language import read_extended

Path = tuple[str, ...]  # a node's name after those of the nested graphs around it

_REFERENCE = re.compile(r"\$\{(\w+)\}")


class NoKnobError(LookupError):
    """A graph has no param of that name."""


class Draft:
    """Changes to a shipped spec, written where it takes them.

    A value is followed through references: where a block's param is wired to `${depth}`, the
    outer `depth` is set. What already has its value is not written.

    Args:
        base: the shipped spec.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self.whole = _read(base)
        self.params: dict[str, Any] = {}
        self.image: dict[str, Any] = {}
        self.nodes: dict[str, Any] = {}
        self.outputs: dict[str, dict[str, Any]] = {}
        self.weights: str | None = None
        self.names: str | None = None

    def set(self, knob: str, value: Any, default: Any = None) -> None:
        """Gives a knob a value.

        Args:
            knob: a node's path, with `/` between names, a dot, and the name of its param or
                configuration: `backbone/fpn.fuse_type`.
            value: what it is to be.
            default: what it is where the spec says nothing.

        Raises:
            NoKnobError: there is nothing of that name to set.
        """
        where, _, name = knob.rpartition(".")
        path = tuple(where.split("/"))
        node = self._node(path)
        if "spec" in node:
            self._set_param(path, name, value)
            return
        current = (node.get("with") or {}).get(name, default)
        self._settle(path[:-1], current, value, lambda: self._write(path, "with", name, value))

    def set_image(self, name: str, value: Any) -> None:
        """Says how image files are read, where it differs from what the spec says."""
        if self.whole["inputs"]["batch"]["image"][name] != value:
            self.image[name] = value

    def put_block(self, name: str, block: str) -> None:
        """Makes a node call another nested spec, which keeps the params that both have."""
        node = self._node((name,))
        if node.get("spec") == block:
            return
        known = _read(block)["params"]
        params = {key: value for key, value in node["params"].items() if key in known}
        self.nodes[name] = {"spec": block, "params": params}
        node.update(spec=block, params=dict(params))

    def put_node(self, path: str, node: dict[str, Any]) -> None:
        """Adds a node, or changes to one, as they are written in a spec."""
        self._patch(tuple(path.split("/"))).update(node)

    def put_node_type(self, name: str, uses: str, params: tuple[str, ...]) -> None:
        """Makes a node call a node type in place of a nested spec.

        Args:
            name: the node.
            uses: the node type.
            params: the params that become its configuration.
        """
        given = self._node((name,))["params"]
        config = {key: value for key, value in given.items() if key in params}
        self.nodes[name] = {"uses": uses, "with": config}
        self.whole["nodes"][name] = {"uses": uses, "with": dict(config)}

    def drop_node(self, path: str) -> None:
        """Leaves a node out."""
        *around, name = path.split("/")
        if around:
            self._patch(tuple(around)).setdefault("nodes", {})[name] = None
        else:
            self.nodes[name] = None
            del self.whole["nodes"][name]

    def drop_params(self, *prefixes: str) -> None:
        """Leaves those params out that begin with one of some words."""
        for name in [one for one in self.whole["params"] if one.startswith(prefixes)]:
            self.params[name] = None
            del self.whole["params"][name]

    def put_output(self, mode: str, name: str, wire: str | list[str] | None) -> None:
        """Gives the whole graph an output in one mode; None leaves it out."""
        self.outputs.setdefault(mode, {})[name] = wire

    def nested(self, name: str) -> dict[str, Any]:
        """The nested spec that a node calls, for the caller to change."""
        return self._graph((name,))

    def value_within(self, name: str, value: Any) -> Any:
        """What a value of the nested spec that a node calls is to the graph around it.

        Args:
            name: the node.
            value: the value, with references to params of the nested spec.
        """
        if isinstance(value, list):
            return [self.value_within(name, item) for item in value]
        reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if reference is None:
            return value
        given = self._node((name,)).get("params") or {}
        if reference.group(1) in given:
            return given[reference.group(1)]
        return self.value_within(name, self._graph((name,))["params"][reference.group(1)])

    def document(self, name: str, doc: str) -> dict[str, Any]:
        """The spec."""
        bases = self.base if self.names is None else [self.base, self.names]
        document: dict[str, Any] = {"composer": 1, "name": name, "doc": doc, "extends": bases}
        if self.params:
            document["params"] = self.params
        if self.image:
            document["inputs"] = {"batch": {"image": self.image}}
        if self.nodes:
            document["nodes"] = self.nodes
        if self.outputs:
            document["outputs"] = self.outputs
        if self.weights is not None:
            document["weights"] = self.weights
        return document

    def _node(self, path: Path) -> dict[str, Any]:
        nodes = self.whole["nodes"] if len(path) == 1 else self._graph(path[:-1])["nodes"]
        if path[-1] not in nodes:
            raise NoKnobError(f"there is no node '{'.'.join(path)}'")
        node: dict[str, Any] = nodes[path[-1]]
        return node

    def _graph(self, path: Path) -> dict[str, Any]:
        node = self._node(path)
        if "spec" not in node:
            raise NoKnobError(f"'{'.'.join(path)}' is no nested graph")
        return _read(node["spec"])

    def _set_param(self, path: Path, name: str, value: Any) -> None:
        """Sets a param of the graph at a path; of the whole one, for no path."""
        if not path:
            if not _same(self._param((), name), value):
                self.params[name] = self.whole["params"][name] = value
            return
        given = self._node(path).get("params") or {}
        scope = path[:-1] if name in given else path
        current = given[name] if name in given else self._graph(path)["params"].get(name)
        if name not in given and name not in self._graph(path)["params"]:
            raise NoKnobError(f"'{'.'.join(path)}' has no param '{name}'")
        self._settle(scope, current, value, lambda: self._write(path, "params", name, value))

    def _settle(self, scope: Path, current: Any, value: Any, write: Callable[[], None]) -> None:
        reference = _REFERENCE.fullmatch(current) if isinstance(current, str) else None
        if reference is not None:
            self._set_param(scope, reference.group(1), value)
        elif not _same(self._resolved(current, scope), value):
            write()

    def _param(self, path: Path, name: str) -> Any:
        if not path:
            if name not in self.whole["params"]:
                raise NoKnobError(f"'{self.base}' has no param '{name}'")
            return self._resolved(self.whole["params"][name], ())
        given = self._node(path).get("params") or {}
        if name in given:
            return self._resolved(given[name], path[:-1])
        return self._resolved(self._graph(path)["params"][name], path)

    def _resolved(self, value: Any, scope: Path) -> Any:
        """A value with its references replaced by what they stand for."""
        if isinstance(value, list):
            return [self._resolved(item, scope) for item in value]
        reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        return value if reference is None else self._param(scope, reference.group(1))

    def _write(self, path: Path, kind: str, name: str, value: Any) -> None:
        self._patch(path).setdefault(kind, {})[name] = value
        if len(path) == 1:
            self._node(path).setdefault(kind, {})[name] = value

    def _patch(self, path: Path) -> dict[str, Any]:
        node: dict[str, Any] = {"nodes": self.nodes}
        for name in path:
            node = node.setdefault("nodes", {}).setdefault(name, {})
        return node


def _read(spec: str) -> dict[str, Any]:
    """A shipped spec, for the caller to change."""
    return copy.deepcopy(_read_once(spec))


@cache
def _read_once(spec: str) -> dict[str, Any]:
    log = ProblemLog()
    document: dict[str, Any] = read_extended(spec, log).plain()
    log.raise_any()
    return document


def _same(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
