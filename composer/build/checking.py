"""Checks a spec against what is installed: node types, configuration, wires, shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from composer.build.blueprint import Blueprint, NodeDesign
from composer.build.shapes import propagate_shapes
from composer.build.wires import wire_networks
from composer.errors import ComposerError, PluginError
from composer.node import Contract, read_contract
from composer.node.configuration import configured
from composer.registry import NODE_GROUP, TYPE_GROUP, Registry
from composer.registry.form import find_node_type, merge_nodes
from composer.spec.elaboration import elaborate
from composer.spec.form import describe_error
from composer.spec.model import Spec
from composer.spec.network import NetworkNode
from composer.spec.problems import ProblemLog
from composer.spec.suggestion import did_you_mean


def check_spec(spec: Spec, nodes: Mapping[str, object] | None = None) -> Blueprint:
    """Checks a whole spec and gives what is needed to build it.

    Args:
        spec: the spec.
        nodes: node types by name that are not published by a plugin.

    Raises:
        SpecError: with all problems at once.
    """
    log = ProblemLog()
    networks = elaborate(spec, log)
    registry = Registry.installed(NODE_GROUP, nodes)
    drafts = _Drafting(registry, log).drafts(merge_nodes(networks))
    types = _input_types(spec, log)
    wirings = wire_networks(networks, drafts, types, log)
    log.raise_any()
    shaped = propagate_shapes(networks, wirings, drafts, log)
    log.raise_any()
    return Blueprint(spec, shaped.designs, wirings, shaped.output_shapes)


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

    def drafts(self, nodes: Mapping[str, NetworkNode]) -> dict[str, NodeDesign]:
        """The designs, shapes left out, of the nodes that have no problem so far."""
        found: dict[str, NodeDesign] = {}
        for path, node in nodes.items():
            contract = self.contract(node)
            config = None if contract is None else self.config(node, contract)
            if contract is None or config is None:
                continue
            found[path] = NodeDesign(
                path=path,
                uses=node.uses,
                label=self.registry.label(node.uses),
                contract=contract,
                config=config,
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
            return configured(contract.config.model_validate(values))
        except ValidationError as error:
            for details in error.errors(include_url=False):
                self.note_config(node, contract, details)
            return None

    def note_config(self, node: NetworkNode, contract: Contract, details: Any) -> None:
        name, known = (
            str(details["loc"][0]),
            [f.alias for f in contract.config.model_fields.values()],
        )
        where = f"node '{node.path}': configuration '{name}'"
        if details["type"] == "extra_forbidden":
            hint = did_you_mean(name, [k for k in known if k], "configuration keys")
            message = f"{where} is not known to {node.uses}"
            if name in contract.shapes:
                hint = f"It is filled in from what is wired to '{contract.shapes[name]}'."
            elif name in contract.inputs:
                hint = "It is an input port: wire it under 'inputs'."
            self.log.add(node.config.key_place(name), message, hint)
        elif details["type"] == "missing":
            self.log.add(node.place, f"{where} is missing")
        else:
            found = node.config.at(details["loc"])
            message = f"{where}: {describe_error(details)}"
            self.log.add(found.place, message, origin=found.origin)
