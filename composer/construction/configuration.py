"""Reads the contracts of a spec's nodes, checks their configuration, and writes it out whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError

from composer.blueprint import Node, NodeTypes
from composer.construction.specialising import specialise
from composer.documents import ProblemLog, describe_errors, escape, group_errors, suggest_choice
from composer.errors import ComposerError, PluginError, PluginImportError
from composer.language import Spec
from composer.names import did_you_mean
from composer.node import Contract, configured, read_contract
from composer.registry import Found


class _Checked(NamedTuple):
    """A configuration that fits: all values by parameter name, and the defaults among them."""

    values: dict[str, Any]
    defaults: dict[str, Any]


class Configurations:
    """Reads the contracts of a spec's nodes and checks their configuration.

    Args:
        types: the node types.
        log: takes node types that cannot be loaded, and configurations that do not fit.

    Attributes:
        faulty: paths of the nodes whose configuration has a problem.
        complete: the whole configuration of each node by path, as plain values.
    """

    def __init__(self, types: NodeTypes, log: ProblemLog) -> None:
        self.types, self.log = types, log
        self.faulty: set[str] = set()
        self.complete: dict[str, dict[str, Any]] = {}
        self._contracts: dict[Found, Contract] = {}
        self._failures: dict[Found, PluginError] = {}
        self._told: set[str] = set()
        self._checked: dict[tuple[int, str], _Checked] = {}

    def list_keys(self, spec: Spec) -> dict[str, list[str] | None]:
        """The configuration keys of each node whose type can be loaded; nothing is noted."""
        found: dict[str, list[str] | None] = {}
        for path, node in spec.graph.walk():
            if node.uses is None:
                continue
            try:
                type_ = self.types.find(node.uses, node.written_in)
                found[path] = self._read(type_).keys()
            except ComposerError:
                continue  # noted where the node is checked
        return found

    def configure_all(self, nodes: Mapping[str, Node]) -> dict[str, Node]:
        """The nodes whose contract can be read, with that and their checked configuration."""
        found: dict[str, Node] = {}
        for path, type_ in self.types.find_all(nodes, self.log).items():
            general = self._contract(nodes[path], type_)
            if general is None:
                continue
            contract = specialise(nodes[path], general, self.types, self.log)
            if contract is None:
                continue
            config = self.configure(nodes[path], contract)
            if config is None:
                self.faulty.add(path)
            found[path] = nodes[path].changed(
                publication=type_.publication,
                contract=contract,
                config={} if config is None else config,
                label=type_.label,
            )
        return found

    def configure(self, node: Node, contract: Contract) -> dict[str, Any] | None:
        """A node's configuration by parameter name, defaults among them.

        Returns:
            The values; None if there is a problem, which the log takes.
        """
        values = node.written.plain() or {}
        if not isinstance(values, dict):
            self.log.add(node.written.place, "'with' is a mapping of configuration values")
            return None
        try:
            checked = self._check(contract, json.dumps(values))
        except ValidationError as error:
            _note_errors(node, contract, error, self.log)
            return None
        if node.same_as is None:
            saved = getattr(contract.target, "saved_configuration", None)
            self.complete[node.path] = {**checked.defaults, **values} if saved is None else saved
        return checked.values

    def _check(self, contract: Contract, text: str) -> _Checked:
        """Checks a configuration; equal ones of one node type are checked once, and are one value.

        Args:
            contract: the contract of the node type, which `_contracts` keeps.
            text: the configuration as JSON, where being strict means what it means in YAML: a list
                may become a tuple.
        """
        key = (id(contract), text)
        if key not in self._checked:
            checked = contract.config.model_validate_json(text, strict=True)
            unset = set(type(checked).model_fields) - checked.model_fields_set
            defaults = checked.model_dump(mode="json", by_alias=True, include=unset)
            self._checked[key] = _Checked(configured(checked), defaults)
        return self._checked[key]

    def _contract(self, node: Node, type_: Found) -> Contract | None:
        """The contract of a node's type; None if it cannot be read, which is noted."""
        try:
            return self._read(type_)
        except PluginError as error:
            message = str(error)
            if type_.label not in message:
                message = f"node type {type_.label}: {message}"
            told = message
            if isinstance(error, PluginImportError) and type_.publication is not None:
                told = f"{type_.publication.distribution}: {error.reason}"
            if told not in self._told:  # once, however many nodes come from a broken plugin
                self._told.add(told)
                self.log.add(node.uses_place, message)
        return None

    def _read(self, type_: Found) -> Contract:
        """The contract of a node type, which is imported once even if that fails.

        Raises:
            PluginError: it cannot be loaded, or is no node type.
        """
        if type_ in self._failures:
            raise self._failures[type_]
        if type_ not in self._contracts:
            try:
                self._contracts[type_] = read_contract(self.types.registry.load_found(type_))
            except PluginError as error:
                self._failures[type_] = error
                raise
        return self._contracts[type_]


def _note_errors(node: Node, contract: Contract, error: ValidationError, log: ProblemLog) -> None:
    for location, errors in group_errors(error, node.written).items():
        name, kinds = str(location[0]), {details["type"] for details in errors}
        where = f"node '{node.path}': configuration '{name}'"
        if len(location) == 1 and "extra_forbidden" in kinds:
            place = node.written.key_place(name)
            message = f"{where} is not known to {node.type_name}"
            log.add(place, message, partial(_hint_for_unknown, name, contract))
        elif len(location) == 1 and "missing" in kinds:
            log.add(node.place, f"{where} is missing")
        else:
            value = node.written.at(location)
            hint = next(filter(None, map(suggest_choice, errors)), "")
            if value.origin is None or value.origin.line:
                log.add(value.place, f"{where}: {describe_errors(errors)}", hint, value.origin)
            else:  # set from outside: one problem there, not one at each place that it goes to
                hint = hint or f"It goes to '{node.path}.{name}'."
                log.add(value.origin, f"'{name}': {describe_errors(errors)}", hint)


def _hint_for_unknown(name: str, contract: Contract) -> str:
    if name in contract.shapes:
        return f"It is filled in from what is wired to '{contract.shapes[name]}'."
    if name in contract.inputs:
        return "It is an input port: wire it under 'inputs'."
    return did_you_mean(name, contract.keys(), "configuration keys")


def complete_document(
    document: Mapping[str, Any],
    configs: Mapping[str, Mapping[str, Any]],
    types: Mapping[str, str],
    path: str = "",
) -> dict[str, Any]:
    """The document of a spec whose settings are applied and whose nodes say all values.

    A default that changes, or a name that others publish later, then does not change what the
    document means.

    Args:
        document: the spec's document, or that of a node.
        configs: the whole configuration of each node by path.
        types: the qualified node type of each node by path.
        path: path of the node.
    """
    found = {key: value for key, value in document.items() if key != "set"}
    if path in types:
        found["uses"] = escape(types[path])
    if configs.get(path):
        found["with"] = escape(configs[path])
    if isinstance(nodes := document.get("nodes"), dict):
        prefix = f"{path}." if path else ""
        found["nodes"] = {
            name: complete_document(node, configs, types, prefix + name)
            for name, node in nodes.items()
        }
    return found


def with_input_types(document: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """The document of a spec whose inputs name their port types in full.

    Args:
        document: the spec's document.
        types: the qualified port type of each input by name; of those that have one.
    """
    inputs = dict(document.get("inputs") or {})
    for name, type_ in types.items():
        declared = inputs.get(name)
        inputs[name] = {**declared, "type": type_} if isinstance(declared, dict) else type_
    return {**document, "inputs": inputs} if types else dict(document)
