"""Checks a spec against what is installed: node types, configuration, wires, shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from pydantic import ValidationError

from composer.blueprint import NetworkNode, elaborate
from composer.construction.blueprint import Blueprint, NodeDesign
from composer.construction.complete_document import complete_config, complete_document
from composer.construction.freeze_check import check_freezing
from composer.construction.output_shapes import propagate_shapes
from composer.construction.port_wiring import wire_networks
from composer.construction.tree_check import check_tree
from composer.documents import Located, Place, ProblemLog, describe_errors, suggest_choice
from composer.errors import ComposerError, PluginError
from composer.language import Settings, Spec, SpecSource, apply_settings, log_notes, read_spec
from composer.names import did_you_mean
from composer.node import Contract, read_contract
from composer.node.configuration import configured
from composer.registry import NODE_GROUP, TYPE_GROUP, Registry
from composer.registry.form import find_node_type, merge_nodes


def check_source(
    source: SpecSource,
    *,
    set: Settings = (),
    nodes: Mapping[str, object] | None = None,
) -> Blueprint:
    """Reads a spec, checks all of it, and gives what is needed to build it.

    Args:
        source: a file, the name of a shipped spec, or a mapping.
        set: values for aliases, params and configuration by address, or texts of the form
            `address=value`, the value in YAML.
        nodes: node types by name that are not published by a plugin.

    Raises:
        SpecError: with all problems at once, those of its form and those of its meaning.
    """
    log = ProblemLog()
    spec = read_spec(source, log, set=set)
    blueprint = None if spec is None else _check(spec, nodes, log)
    log.raise_any()
    assert blueprint is not None
    log_notes(blueprint.spec.notes)
    return blueprint


def check_spec(spec: Spec, nodes: Mapping[str, object] | None = None) -> Blueprint:
    """Checks a spec that was read, and gives what is needed to build it.

    Args:
        spec: the spec.
        nodes: node types by name that are not published by a plugin.

    Raises:
        SpecError: with all problems at once.
    """
    log = ProblemLog()
    blueprint = _check(spec, nodes, log)
    log.raise_any()
    log_notes(blueprint.spec.notes[len(spec.notes) :])
    return blueprint


def _check(spec: Spec, nodes: Mapping[str, object] | None, log: ProblemLog) -> Blueprint:
    drafting = _Drafting(Registry.installed(NODE_GROUP, nodes), log)
    spec = apply_settings(spec, drafting.keys(spec), log)
    networks = elaborate(spec, log)
    merged = merge_nodes(spec, networks)
    _check_devices(spec, log)
    drafts = drafting.drafts(merged)
    wired = wire_networks(networks, drafts, _input_types(spec, log), log)
    incomplete = wired.incomplete | drafting.unconfigured
    shaped = propagate_shapes(networks, wired.wirings, drafts, log, incomplete)
    places = {path: node.place for path, node in merged.items()}
    check_freezing(spec, shaped.designs, shaped.modules, log)
    check_tree(shaped.designs, shaped.modules, places, log)
    if not log:
        spec = replace(spec, document=complete_document(spec.document, drafting.complete))
    return Blueprint(spec, shaped.designs, wired.wirings, shaped.output_shapes)


def _check_devices(spec: Spec, log: ProblemLog) -> None:
    for path, node in spec.graph.walk():
        try:
            torch.device(node.device or "cpu")
        except RuntimeError:
            hint = "Devices are named as in torch.device: cpu, cuda, cuda:1, meta, ..."
            message = f"node '{path}': there is no device '{node.device}'"
            log.add(node.place_of("device"), message, hint)


def _input_types(spec: Spec, log: ProblemLog) -> dict[str, Any]:
    """The port types of the graph's inputs by input name."""
    registry = Registry.installed(TYPE_GROUP)
    found: dict[str, Any] = {}
    for name, declared in spec.graph.inputs.items():
        found[name] = Any
        if declared.type_name.lower() == "any":
            continue
        try:
            found[name] = registry.load(declared.type_name)
        except ComposerError as error:
            hint = did_you_mean(declared.type_name, [*registry.names(), "any"], "port types")
            message = str(error).partition("; `composer nodes`")[0].partition(". Did you")[0]
            log.add(declared.place, message, hint)
    return found


@dataclass
class _Drafting:
    """Reads contracts and checks configurations."""

    registry: Registry
    log: ProblemLog

    def __post_init__(self) -> None:
        self.contracts: dict[str, Contract | None] = {}
        self.unconfigured: set[str] = set()
        self.complete: dict[str, dict[str, Any]] = {}

    def keys(self, spec: Spec) -> dict[str, list[str] | None]:
        """The configuration keys of each node whose type can be loaded."""
        found: dict[str, list[str] | None] = {}
        for path, node in spec.graph.walk():
            if node.uses is None:
                continue
            if node.uses not in self.contracts:
                try:
                    self.contracts[node.uses] = read_contract(self.registry.load(node.uses))
                except ComposerError:
                    continue  # told of where the node is checked
            contract = self.contracts[node.uses]
            found[path] = None if contract is None else contract.keys()
        return found

    def drafts(self, nodes: Mapping[str, NetworkNode]) -> dict[str, NodeDesign]:
        """The designs, shapes left out, of the nodes whose contract is known."""
        found: dict[str, NodeDesign] = {}
        for path, node in nodes.items():
            contract = self.contract(node)
            if contract is None:
                continue
            config = self.config(node, contract)
            if config is None:
                self.unconfigured.add(path)
            found[path] = NodeDesign(
                path=path,
                uses=node.uses,
                label=self.registry.label(node.uses),
                contract=contract,
                config=config or {},
                shapes={},
                namespace=node.namespace,
                device=node.device,
                same_as=node.same_as,
            )
        return found

    def contract(self, node: NetworkNode) -> Contract | None:
        if not find_node_type(node, self.registry, self.log):
            return None
        if node.uses not in self.contracts:
            self.contracts[node.uses] = self.read(node)
        return self.contracts[node.uses]

    def read(self, node: NetworkNode) -> Contract | None:
        try:
            return read_contract(self.registry.load(node.uses))
        except PluginError as error:
            message = str(error)
            if node.uses not in message:
                message = f"node type {self.registry.label(node.uses)}: {message}"
            self.log.add(node.uses_place, message)
            return None

    def config(self, node: NetworkNode, contract: Contract) -> dict[str, Any] | None:
        values = node.config.plain() or {}
        if not isinstance(values, dict):
            self.log.add(node.config.place, "'with' is a mapping of configuration values")
            return None
        try:
            # As JSON, where being strict means what it means in YAML: a list may become a tuple.
            checked = contract.config.model_validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            self.note_errors(node, contract, error)
            return None
        if node.same_as is None:
            self.complete[node.path] = complete_config(values, checked)
        return configured(checked)

    def note_errors(self, node: NetworkNode, contract: Contract, error: ValidationError) -> None:
        by_value: dict[tuple[str, Place], tuple[Located, list[Any]]] = {}
        for details in error.errors(include_url=False):
            name, *inner = details["loc"]
            where = f"node '{node.path}': configuration '{name}'"
            if details["type"] == "extra_forbidden" and not inner:
                hint = _hint_for_unknown(str(name), contract)
                place = node.config.key_place(str(name))
                self.log.add(place, f"{where} is not known to {node.uses}", hint)
            elif details["type"] == "missing" and not inner:
                self.log.add(node.place, f"{where} is missing")
            else:
                value = node.config.at(details["loc"])
                by_value.setdefault((where, value.place), (value, []))[1].append(details)
        for (where, place), (value, errors) in by_value.items():
            hint = next(filter(None, map(suggest_choice, errors)), "")
            self.log.add(place, f"{where}: {describe_errors(errors)}", hint, value.origin)


def _hint_for_unknown(name: str, contract: Contract) -> str:
    if name in contract.shapes:
        return f"It is filled in from what is wired to '{contract.shapes[name]}'."
    if name in contract.inputs:
        return "It is an input port: wire it under 'inputs'."
    return did_you_mean(name, contract.keys(), "configuration keys")
