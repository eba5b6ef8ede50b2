"""Checks a spec against what is installed: node types, configuration, wires, shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from composer.blueprint import Blueprint, GraphInput, NodeTypes, resolve_references
from composer.construction.class_counts import check_class_counts
from composer.construction.class_names import check_class_names, with_fitting_names
from composer.construction.configuration import (
    Configurations,
    complete_document,
    with_input_types,
)
from composer.construction.output_shapes import propagate_shapes
from composer.construction.port_wiring import wire_ports
from composer.discovery import DISTRIBUTION, Homes
from composer.documents import ProblemLog, SettingsSource
from composer.errors import ComposerError, NameResolutionError
from composer.escapes import escape_name, shorten_words
from composer.garbage_collection import paused_collection
from composer.language import (
    MODES,
    RECOMPUTE,
    ImageFormat,
    SavedSpec,
    Spec,
    SpecSource,
    apply_settings,
    log_notes,
    read_spec,
)
from composer.module_tree import name_modules
from composer.names import did_you_mean
from composer.node import fields_of
from composer.registry import NODE_GROUP, TYPE_GROUP, Found, Registry


def check_source(
    source: SpecSource,
    *,
    set: SettingsSource = (),
    nodes: Mapping[str, object] | None = None,
) -> Blueprint:
    """Reads a spec and checks all of it.

    Names of classes that are of another number than the model's classes are a problem. Where
    values are set, or a checkpoint has the spec, they are left out, with a note.

    Args:
        source: a file, the name of a shipped spec, or a mapping.
        set: values for aliases, params and configuration by address, or texts of the form
            `address=value`, the value in YAML.
        nodes: node types by name that are not published by a plugin.

    Raises:
        SpecError: with all problems at once, those of its form and those of its meaning.
    """
    log = ProblemLog()
    with paused_collection():
        spec = read_spec(source, log, set=set)
    return check_read(source, spec, log, has_settings=bool(set), nodes=nodes)


def check_read(
    source: SpecSource,
    spec: Spec | None,
    log: ProblemLog,
    *,
    has_settings: bool,
    nodes: Mapping[str, object] | None = None,
) -> Blueprint:
    """Goes on where `read_spec` ended, as `check_source` does.

    Args:
        source: where the spec was read from.
        spec: what was read of it.
        log: the problems of its form; takes those of its meaning.
        has_settings: whether values were set.
        nodes: as for `check_source`.

    Raises:
        SpecError: with all problems at once.
    """
    keep_names = not (has_settings or isinstance(source, SavedSpec))
    with paused_collection():
        blueprint = None if spec is None else _check(spec, nodes, log, keep_names=keep_names)
    if isinstance(source, SavedSpec):
        log.raise_any(source.remark, source.file)
    log.raise_any()
    assert blueprint is not None
    log_notes(blueprint.spec.notes)
    return blueprint


def check_spec(spec: Spec, nodes: Mapping[str, object] | None = None) -> Blueprint:
    """Checks a spec that was read.

    Args:
        spec: the spec.
        nodes: node types by name that are not published by a plugin.

    Raises:
        SpecError: with all problems at once.
    """
    log = ProblemLog()
    with paused_collection():
        blueprint = _check(spec, nodes, log)
    if spec.saved:
        log.raise_any(spec.saved.remark, spec.saved.file)
    log.raise_any()
    log_notes(blueprint.spec.notes[len(spec.notes) :])
    return blueprint


def find_image_format(spec: Spec) -> ImageFormat:
    """How a spec reads images, of which nothing but the types of its inputs is checked.

    Raises:
        SpecError: if the type of an input is unknown.
        InputError: if no input takes a batch of images.
    """
    log = ProblemLog()
    resolved = resolve_references(spec, log)
    blueprint, _ = _with_input_types(resolved, log)
    log.raise_any()
    return blueprint.image_format


def list_addresses(spec: Spec) -> list[str]:
    """The addresses of a spec: aliases, params, and the configuration of nodes, `node.path.key`.

    Nodes and nested graphs also have `recompute`. Nodes whose type cannot be loaded have no more.
    """
    types = NodeTypes(Registry.installed(NODE_GROUP), spec.saved)
    keys = Configurations(types, ProblemLog()).list_keys(spec)
    addresses = [f"{path}.{key}" for path, names in keys.items() for key in names or ()]
    addresses += [f"{path}.{RECOMPUTE}" for path, _ in spec.graph.walk()]
    return list(dict.fromkeys([*spec.resolved.aliases, *spec.resolved.params, *addresses]))


def _check(
    spec: Spec,
    nodes: Mapping[str, object] | None,
    log: ProblemLog,
    *,
    keep_names: bool = True,
) -> Blueprint:
    types = NodeTypes(Registry.installed(NODE_GROUP, nodes), spec.saved)
    configurations = Configurations(types, log)
    spec = apply_settings(spec, configurations.list_keys(spec), log)
    resolved, input_types = _with_input_types(resolve_references(spec, log), log)
    _check_devices(spec, log)
    configured = configurations.configure_all(resolved.nodes)
    wired, unwired = wire_ports(replace(resolved, nodes=configured), log)
    blueprint, modules = propagate_shapes(wired, configurations.faulty | unwired, log)
    _check_freezing(blueprint, modules, log)
    _check_tree(blueprint, modules, log)
    check_class_counts(blueprint, log)
    if keep_names:
        check_class_names(blueprint, spec, log)
    if log:
        return blueprint
    spec = with_fitting_names(blueprint, spec)
    document = complete_document(spec.document, configurations.complete, types.find_names(spec))
    document = with_input_types(document, {n: found.qualified for n, found in input_types.items()})
    notes = [*types.notes, *(found.note for found in input_types.values() if found.note)]
    return replace(blueprint, spec=replace(spec, document=document).with_notes(notes))


def _check_devices(spec: Spec, log: ProblemLog) -> None:
    for path, node in spec.graph.walk():
        try:
            torch.device(node.device or "cpu")
        except RuntimeError:
            hint = "Devices are named as in torch.device: cpu, cuda, cuda:1, meta, ..."
            name = shorten_words(escape_name(node.device))
            message = f"node '{path}': there is no device '{name:.80}'"
            log.add(node.place_of("device"), message, hint)


def _with_input_types(blueprint: Blueprint, log: ProblemLog) -> tuple[Blueprint, dict[str, Found]]:
    """The blueprint with the port types of the graph's inputs, and what publishes those."""
    registry, homes = Registry.installed(TYPE_GROUP), Homes.installed()
    saved = blueprint.spec.saved
    typed: dict[str, GraphInput] = {}
    types: dict[str, Found] = {}
    for name, point in blueprint.inputs["inference"].items():
        typed[name] = point
        if point.type_name.lower() == "any":
            continue
        declared = blueprint.spec.graph.inputs[name]
        is_saved = saved is not None and declared.written_in == saved.file
        try:
            home = DISTRIBUTION if is_saved else homes.find(declared.written_in)
            found = registry.find(point.type_name, home)
            kind: Any = registry.load_found(found)
        except ComposerError as error:
            hint = did_you_mean(point.type_name, [*registry.names(), "any"], "port types")
            hint = hint if isinstance(error, NameResolutionError) else ""
            message = str(error).partition("; `composer nodes`")[0].partition(". Did you")[0]
            log.add(declared.place, message, hint)
        else:
            note = f"{declared.place}: {found.note}" if found.note else ""
            types[name] = found._replace(note=note)
            typed[name] = replace(point, type=kind, parts=fields_of(kind))
    return replace(blueprint, inputs=dict.fromkeys(MODES, typed)), types


def _check_freezing(
    blueprint: Blueprint, modules: Mapping[str, nn.Module], log: ProblemLog
) -> None:
    """Notes frozen nodes that are functions, and frozen modules that their nodes do not have."""
    for part in blueprint.spec.freeze.values():
        node = blueprint.nodes.get(part.path)
        if node is not None and not node.is_module:
            message = f"node '{part.path}' has no weights to freeze: {node.type_name} is a function"
            log.add(part.place, message)
        elif part.module and part.path in modules:
            inside = [name for name, _ in modules[part.path].named_modules() if name]
            if part.module not in inside:
                message = f"node '{part.path}' has no module '{part.module}' to freeze"
                log.add(part.place, message, did_you_mean(part.module, inside, "modules"))


def _check_tree(blueprint: Blueprint, modules: Mapping[str, nn.Module], log: ProblemLog) -> None:
    """Notes the nodes whose weights would have the names of another node's."""
    namespaces = {path: blueprint.nodes[path].namespace for path in modules}
    for clash in name_modules(modules, namespaces)[1]:
        hint = "Give one of them another 'namespace'."
        log.add(blueprint.nodes[clash.path].place, clash.message, hint)
