"""The graph of a run: no more of it than the plan calls, with weights, on its device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from composer.checkpoint import LoadReport
from composer.cli.run_plan import RunPlan
from composer.cli.run_request import RunRequest
from composer.graph import Graph
from composer.graph.cutting import build_parts
from composer.graph.weights import LoadOptions, load_weights


def build_graph(run_plan: RunPlan, request: RunRequest, device: torch.device) -> Graph:
    """Builds the nodes of a plan. The graph knows the names of all others."""
    blueprint, plan = run_plan.blueprint, run_plan.plan
    calls = {path: run_plan.wiring.calls[path] for path in plan.paths}
    called = {plan.mode: replace(run_plan.wiring, calls=calls)}
    built = build_parts(blueprint, called, request.seed)
    for path, made in built.items():
        if isinstance(made, nn.Module) and blueprint.designs[path].device is None:
            made.to(device)
    graph = Graph(blueprint, blueprint.wirings, built, request.seed)
    return graph.train(plan.mode == "training")


def load_checkpoints(graph: Graph, request: RunRequest) -> tuple[LoadReport, ...]:
    """Loads the weights that are asked for, or else those that the spec names.

    Raises:
        CheckpointError: if a checkpoint cannot be read, or does not fit.
        NameResolutionError: if weights are given for a node that does not exist.
    """
    options = LoadOptions(
        skip_mismatched=request.skip_mismatched,
        allow_missing=request.allow_missing,
        allow_unexpected=request.allow_unexpected,
    )
    return load_weights(graph, request.weights or graph.spec.weights, options)


def find_random_nodes(graph: Graph, reports: Sequence[LoadReport]) -> list[str]:
    """The nodes that have weights, none of which came from a checkpoint."""
    filled = {path for report in reports for path, node in report.nodes.items() if node.loaded}
    return [
        path
        for path, made in graph.callables.items()
        if isinstance(made, nn.Module) and path not in filled and made.state_dict()
    ]
