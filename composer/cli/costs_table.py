"""The costs of a model's nodes, for `composer show --costs`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import torch

from composer.cli.output import format_json
from composer.cli.run_inputs import assign_files, read_input_files
from composer.construction import check_taps
from composer.files import write_text
from composer.graph import Graph, load_weights, open_blueprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from composer.graph import Costs
    from composer.language import Mode


def write_costs(
    model: str,
    until: Sequence[str],
    settings: Sequence[str],
    mode: Mode,
    inputs: Sequence[str],
    *,
    output: str | None,
    as_json: bool,
) -> None:
    """Runs a model, counts what its nodes cost, and prints or writes it.

    Its own weights are loaded, if it has any: they decide how many regions there are.

    Args:
        model: whatever names a model.
        until: run only what these need; everything if empty.
        settings: texts `address=value`.
        mode: the mode to run in.
        inputs: files for the inputs; the spec's examples where none is given.
        output: file to write; the standard output if None.
        as_json: whether to write a JSON document.
    """
    blueprint, weights, options = open_blueprint(model, settings)
    plan = blueprint.plan(mode, list(until) or None)
    check_taps(plan)
    files = assign_files(inputs, blueprint, plan)
    given: Any = read_input_files(files, blueprint, plan).values or None
    if len(blueprint.inputs[mode]) == 1:
        given = next(iter(given.values())) if given else None
    graph = Graph.from_blueprint(blueprint, plan=plan)
    load_weights(graph, weights, options)
    graph.train(mode == "training")
    with torch.set_grad_enabled(mode == "training"):
        costs = graph.costs(given, until=plan)
    text = format_json(_as_document(costs)) if as_json else _as_table(costs, files)
    if output is None:
        click.echo(text)
    else:
        write_text(output, f"{text}\n")


def _as_document(costs: Costs) -> dict[str, Any]:
    return {
        "nodes": [asdict(node) for node in costs.nodes],
        "parameters": costs.parameters,
        "trainable": costs.trainable,
        "flops": costs.flops,
    }


def _as_table(costs: Costs, files: dict[str, list[str]]) -> str:
    named = ", ".join(file for found in files.values() for file in found)
    return f"{costs}\ncounted on {named}" if named else str(costs)
