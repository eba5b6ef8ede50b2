"""One node type with a configuration and inputs, built and run the way the framework does it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from composer.blueprint import Node
from composer.construction import instantiate
from composer.executor import derive_seed, seeded_generator
from composer.language import Mode
from composer.node import Contract
from composer.structures import map_tensors
from composer.testing.snapshot import Snapshot, find_differences, take_snapshot

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Outcome:
    """The result and the side effects of one run.

    Args:
        value: the returned value.
        snapshot: the same, copied right after the run.
        input_changes: changes of the inputs.
        state_changes: changes of parameters and buffers.
        drew_from_torch: whether torch's global generator was drawn from.
        drew_from_others: whether Python's or numpy's global generator was drawn from, if only by
            something that watches the run (beartype does).
    """

    value: Any
    snapshot: Snapshot
    input_changes: tuple[str, ...]
    state_changes: tuple[str, ...]
    drew_from_torch: bool
    drew_from_others: bool


@dataclass(frozen=True)
class Trial:
    """A node type to be tried out. Each run gets copies of the inputs.

    Args:
        node: the node type with its checked configuration and shapes.
        inputs: values by input port.
        mode: training or inference.
        seed: where all that is drawn comes from.
    """

    node: Node
    inputs: Mapping[str, Any]
    mode: Mode
    seed: int

    @property
    def contract(self) -> Contract:
        """The contract of the node type."""
        assert self.node.contract is not None
        return self.node.contract

    def build(self, *, salt: int = 0, device: str = "cpu") -> Callable[..., Any]:
        """The module or function; another salt makes a module with other first weights."""
        with torch.random.fork_rng(devices=[]), torch.device(device):
            seed = derive_seed(self.seed + salt, self.node.path)
            torch.default_generator.manual_seed(seed)
            made: Callable[..., Any] = instantiate(self.node)
        if isinstance(made, nn.Module):
            made.train(self.mode == "training")
        return made

    def run(self, function: Callable[..., Any], *, luck: int = 0) -> Outcome:
        """Calls the result of `build`, and records side effects.

        Args:
            function: the module or function.
            luck: the seed of Python's and numpy's global generators.
        """
        arguments = self.copy_inputs()
        before = {port: take_snapshot(value) for port, value in arguments.items()}
        state = _take_state(function)
        own = {}
        if self.node.draws_in(self.mode):
            own["generator"] = seeded_generator(_CPU, self.seed, self.node.path)
        with _GlobalGenerators(luck) as generators:
            value = function(**arguments, **own)
        return Outcome(
            value=value,
            snapshot=take_snapshot(value),
            input_changes=tuple(
                change
                for port, snapshot in before.items()
                for change in find_differences(
                    snapshot, take_snapshot(arguments[port]), port, versions=True
                )
            ),
            state_changes=tuple(_find_state_changes(state, _take_state(function))),
            drew_from_torch=generators.torch_moved,
            drew_from_others=generators.others_moved,
        )

    def name_outputs(self, value: Any) -> dict[str, Any] | None:
        """The returned values by output port; None if they are not the right named tuple."""
        ports = tuple(self.contract.outputs)
        if not self.contract.named_outputs:
            return {ports[0]: value}
        is_named = isinstance(value, tuple) and getattr(value, "_fields", None) == ports
        return dict(zip(ports, value, strict=True)) if is_named else None

    def copy_inputs(self) -> dict[str, Any]:
        """Deep copies of the inputs without gradients."""
        detached = {port: _detach(value) for port, value in self.inputs.items()}
        return copy.deepcopy(detached)


def _detach(value: Any) -> Any:
    return map_tensors(lambda tensor: tensor.detach(), value)


def _take_state(function: Callable[..., Any]) -> dict[str, Snapshot]:
    if not isinstance(function, nn.Module):
        return {}
    named = {**dict(function.named_parameters()), **dict(function.named_buffers())}
    return {name: take_snapshot(tensor.detach()) for name, tensor in named.items()}


def _find_state_changes(before: dict[str, Snapshot], after: dict[str, Snapshot]) -> list[str]:
    """Changes of existing state; a cache that fills in the first run is none."""
    return [
        change
        for name, snapshot in before.items()
        if name in after
        for change in find_differences(snapshot, after[name], name)
    ]


class _GlobalGenerators:
    """Watches the global random generators during a run, and restores them after it."""

    def __init__(self, luck: int) -> None:
        self.luck = luck
        self.torch_moved = self.others_moved = False

    def __enter__(self) -> _GlobalGenerators:
        self.found = (torch.get_rng_state(), random.getstate(), np.random.get_state())
        random.seed(self.luck)
        np.random.seed(self.luck)
        self.start = (random.getstate(), _numpy_state())
        return self

    def __exit__(self, *_: object) -> None:
        self.torch_moved = not torch.equal(self.found[0], torch.get_rng_state())
        self.others_moved = self.start != (random.getstate(), _numpy_state())
        torch.set_rng_state(self.found[0])
        random.setstate(self.found[1])
        np.random.set_state(self.found[2])


def _numpy_state() -> tuple[bytes, int]:
    _, keys, position, *_ = np.random.get_state(legacy=True)
    return np.asarray(keys).tobytes(), int(position)
