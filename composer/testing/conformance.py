"""The conformance check: whether a node type keeps the contract that the framework relies on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from composer.blueprint import Node
from composer.errors import ConformanceError, ContractError, InputError
from composer.graph import Graph
from composer.language import Mode
from composer.node import Contract, configured, read_contract
from composer.structures import map_tensors
from composer.testing.annotation_checks import check_annotations
from composer.testing.building_checks import (
    check_building,
    check_copying,
    check_state_dict,
    describe_briefly,
)
from composer.testing.configuration_checks import check_configuration, find_refusals
from composer.testing.folding_checks import check_folding
from composer.testing.running_checks import check_repetition, check_side_effects
from composer.testing.shape_checks import Shape, check_shapes, compare_shapes, measure
from composer.testing.trial import Trial


def check_node_type(
    target: object,
    inputs: Mapping[str, Any],
    *,
    config: Mapping[str, Any] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    mode: Mode = "inference",
    seed: int = 0,
) -> None:
    """Checks that a class or function keeps the contract of node types.

    It is built and run a few times on the CPU, the way a graph does it. Checked are: that its
    signatures say everything; that its configuration and the defaults can be written in a spec;
    that it can be built on the meta device, copied, saved and loaded; that it leaves its inputs
    unchanged; that equal inputs and an equal generator return equal outputs, and nothing is drawn
    from a global generator; that inputs and outputs match the annotations; that the output has
    the shape of `output_shape`; that a module that may be changed for inference (`optimization`)
    returns the same folded, and nearly the same in bfloat16.

    Args:
        target: the node type.
        inputs: a value for each input port; optional ones may be left out.
        config: configuration, as under `with:` in a spec.
        shapes: for each `<port>_shape` parameter, by port, the shape that a graph would pass.
        mode: the mode to run in. Check a module that does something else in training twice.
        seed: where weights and the node's generator come from.

    Raises:
        ConformanceError: with all reasons at once.
        InputError: if the inputs, the configuration or the shapes that were given are not those
            of this node type.
    """
    subject = getattr(target, "__name__", repr(target))
    try:
        contract = read_contract(target)
    except ContractError as error:
        raise ConformanceError(subject, [str(error)]) from error
    node = _make_node(contract, subject, config or {}, shapes or {}, inputs)
    _raise_for(subject, {"": Trial(node, inputs, mode, seed)})


def check_graph(
    graph: Graph,
    inputs: Any = None,
    *,
    until: str | Sequence[str] | None = None,
    feeds: Mapping[str, Any] | None = None,
    mode: Mode | None = None,
    seed: int = 0,
) -> None:
    """Checks every node of a graph, with its configuration, on its inputs in a run.

    Args:
        graph: the graph.
        inputs: as for `Graph.run`; small ones, every node runs several times.
        until: as for `Graph.run`; only nodes that run are checked.
        feeds: as for `Graph.run`.
        mode: as for `Graph.run`.
        seed: the seed of the run, and where weights and generators in the check come from.

    Raises:
        ConformanceError: with all reasons, each after the path of its node.
    """
    received: dict[str, dict[str, Any]] = {}

    def record(path: str, arguments: Mapping[str, Any]) -> None:
        received[path] = {port: _copy(value) for port, value in arguments.items()}

    with graph.add_hook(record, "before"):
        graph.run(inputs, until=until, feeds=feeds, mode=mode, seed=seed)
    nodes = graph.blueprint.nodes
    trials = {
        f"{path}: ": Trial(nodes[path], arguments, mode or graph.mode, seed)
        for path, arguments in received.items()
    }
    _raise_for(f"graph {graph.spec.name}", trials)


def _examine(trial: Trial, causes: list[Exception]) -> Iterator[str]:
    """Yields all reasons; errors of building and running are added to `causes`."""
    yield from check_configuration(trial.contract)
    try:
        function = trial.build()
    except Exception as error:
        causes.append(error)
        yield f"it cannot be built: {describe_briefly(error)}"
        return
    if isinstance(function, nn.Module):
        yield from check_building(trial, function)
    try:
        outcome = trial.run(function)
    except Exception as error:
        causes.append(error)
        yield f"it fails on these inputs: {describe_briefly(error)}"
        return
    yield from check_side_effects(trial, outcome)
    yield from check_annotations(trial, outcome)
    yield from check_shapes(trial, function, outcome)
    repetition = list(check_repetition(trial, function, outcome))
    yield from repetition
    if isinstance(function, nn.Module) and not repetition:  # else no copy can give the same
        yield from check_copying(trial)
        yield from check_state_dict(trial)
        yield from check_folding(trial)


def _make_node(
    contract: Contract,
    subject: str,
    config: Mapping[str, Any],
    shapes: Mapping[str, Shape],
    inputs: Mapping[str, Any],
) -> Node:
    problems = [
        *(f"there is no input '{port}'" for port in inputs if port not in contract.inputs),
        *(
            f"the input '{name}' is missing"
            for name, port in contract.inputs.items()
            if not port.optional and name not in inputs
        ),
        *(f"configuration '{k}': {v}" for k, v in find_refusals(contract.config, config).items()),
        *_check_given_shapes(contract, shapes, inputs),
    ]
    if problems:
        raise InputError(f"{subject} cannot be tried with this: {'; '.join(problems)}")
    return Node(
        path=subject,
        uses=subject,
        label=f"'{subject}'",
        contract=contract,
        config=configured(contract.config.model_validate(dict(config))),
        shapes={name: shapes[port] for name, port in contract.shapes.items() if port in shapes},
    )


def _check_given_shapes(
    contract: Contract, shapes: Mapping[str, Shape], inputs: Mapping[str, Any]
) -> Iterator[str]:
    for port in shapes:
        if port not in contract.shapes.values():
            yield f"shapes are given for '{port}', but there is no parameter '{port}_shape'"
    for port in contract.shapes.values():
        if port not in shapes and port in inputs:
            yield f"'{port}_shape' is required: shapes={{'{port}': TensorShape(...)}}"
    for port, shape in shapes.items():
        seen = measure(inputs.get(port))
        if seen is not None:
            yield from compare_shapes(shape, seen, f"the shape of '{port}' says", "the input has")


def _raise_for(subject: str, trials: Mapping[str, Trial]) -> None:
    """Examines the trials and raises with all reasons, each after the key of its trial."""
    causes: list[Exception] = []
    reasons = [
        prefix + reason for prefix, trial in trials.items() for reason in _examine(trial, causes)
    ]
    if reasons:
        raise ConformanceError(subject, reasons) from (causes[0] if causes else None)


def _copy(value: Any) -> Any:
    """A copy that shares no tensor with the values of the graph."""
    return map_tensors(lambda tensor: tensor.detach().clone(), value)
